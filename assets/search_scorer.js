// The chapters come before the pages that list names: see html_search_scorer in _config.yml.
const PLACES = [[/^chapters\/.*_appendix/, 0.7], [/^chapters\//, 2], [/^(intro|glossary|how_to_use|primer)/, 1.5], [/^(api|reference\/|ledger|reproduction)/, 0.2]];
var Scorer = {
  score: ([page, title, anchor, description, score, filename]) => {
    const place = PLACES.find(([form]) => form.test(page));
    return place ? score * place[1] : score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
