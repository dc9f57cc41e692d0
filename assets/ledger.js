// Sorts and filters the rows of the ledger. Without it their page has a plain table.
(function () {
  const table = document.getElementById("ledger-rows");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];

  // --- filters ---------------------------------------------------------------------------------

  const form = document.getElementById("ledger-filters");
  const asked = new URLSearchParams(location.search);
  const count = document.createElement("output");

  function labelled(name, field) {
    const label = document.createElement("label");
    label.append(name, " ", field);
    form.append(label);
    return field;
  }

  // A choice of what the rows have under a key, in words if another key has them.
  function choice(name, key, words = key) {
    const said = new Map(rows.map((row) => [row.dataset[key], row.dataset[words]]));
    const field = document.createElement("select");
    field.append(new Option("all", ""));
    said.forEach((text, value) => field.append(new Option(text, value)));
    if (said.has(asked.get(key))) field.value = asked.get(key);
    return { key, field: labelled(name, field) };
  }

  const choices = [
    choice("paper", "study", "heading"),
    choice("kind", "kind"),
    choice("verdict", "verdict"),
  ];
  const text = document.createElement("input");
  text.type = "text"; // a search field would pass for that of the book
  text.placeholder = "such as sine tandem";
  text.value = asked.get("text") ?? "";
  labelled("with the words", text);
  form.append(count);

  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const chosen = choices.every(
        ({ key, field }) => !field.value || row.dataset[key] === field.value
      );
      row.hidden = !chosen || !words.every((word) => texts.get(row).includes(word));
    }
    count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  }

  // --- sorting ---------------------------------------------------------------------------------

  function valueOf(row, column) {
    const cell = row.cells[column];
    if (heads[column].dataset.sort === "text") return cell.textContent.trim().toLowerCase();
    return cell.dataset.value === undefined ? null : parse(cell.dataset.value);
  }

  function parse(number) {
    if (number === "inf") return Infinity;
    return number === "-inf" ? -Infinity : Number(number);
  }

  // Ascending, and what is missing last in either direction.
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    return a < b ? -sign : a > b ? sign : 0;
  }

  function sort(column) {
    const sign = heads[column].getAttribute("aria-sort") === "ascending" ? -1 : 1;
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const keyed = rows.map((row) => [valueOf(row, column), row]);
    keyed.sort(([a], [b]) => compare(a, b, sign));
    body.append(...keyed.map(([, row]) => row));
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(column));
    head.append(button);
  });
  form.addEventListener("input", filter);
  filter();
})();
