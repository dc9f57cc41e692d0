// Two things that the widget manager expects of a page and does not find here.

// It asks for its icon fonts beside the page; they lie beside its script.
(function () {
  const here = new URL("vendor", document.currentScript.src).href;
  window.require.config({ paths: { "@jupyter-widgets/html-manager/dist": here } });
})();

// It typesets labels the way of MathJax 2; the page has MathJax 3, if it has formulas at all.
document.addEventListener("DOMContentLoaded", function () {
  if (window.MathJax === undefined || window.MathJax.startup === undefined) return;
  const typeset = (element) => window.MathJax.typesetPromise([element]);
  window.MathJax.Hub = {
    Queue: ([, , element]) => window.MathJax.startup.promise.then(() => typeset(element)),
  };
});
