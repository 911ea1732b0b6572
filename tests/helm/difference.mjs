// What one text has that another has not, line by line, for a person to read.
//
// The second text follows from the first and the difference: two texts with the same difference from a
// third are the same.

/** lengths[i][j]: of the longest common subsequence of the lines from i and from j on. */
function commonLengths(from, to) {
  const lengths = Array.from({ length: from.length + 1 }, () => new Uint32Array(to.length + 1));
  for (let i = from.length - 1; i >= 0; i--) {
    for (let j = to.length - 1; j >= 0; j--) {
      lengths[i][j] = from[i] === to[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

/** [mark, line, number of the line in `from` where it stands or would stand]; marks: ' ', '-', '+'. */
function edits(from, to) {
  const lengths = commonLengths(from, to);
  const list = [];
  for (let i = 0, j = 0; i < from.length || j < to.length;) {
    if (i < from.length && j < to.length && from[i] === to[j]) {
      list.push([' ', from[i], ++i]);
      j++;
    } else if (j === to.length || (i < from.length && lengths[i + 1][j] >= lengths[i][j + 1])) {
      list.push(['-', from[i], ++i]);
    } else {
      list.push(['+', to[j++], i + 1]);
    }
  }
  return list;
}

/** The file of the chart that the lines around come from. */
const sourceAt = (list, at) =>
  list.slice(0, at + 1).findLast(([, line]) => line.startsWith('# Source: '))?.[1].slice('# Source: '.length) ?? 'the top';

/** A unified difference with two lines of context and line numbers of the first text. */
export function difference(fromText, toText) {
  const context = 2;
  const list = edits(fromText.split('\n'), toText.split('\n'));
  const near = (at) => list.slice(Math.max(0, at - context), at + context + 1).some(([mark]) => mark !== ' ');
  let text = '';
  let shown = false;
  list.forEach(([mark, line, number], at) => {
    if (near(at)) {
      if (!shown) text += `@@ line ${number}, ${sourceAt(list, at)}\n`;
      text += `${mark}${line}\n`;
    }
    shown = near(at);
  });
  return text;
}
