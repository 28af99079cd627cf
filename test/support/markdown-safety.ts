import assert from 'node:assert/strict';

/** Texts that Markdown makes something of, each with a mark by which it is recognized. */
export const MARKDOWN_TEXTS: readonly string[] = [
  '[EVIL](https://evil.example)',
  '![EVIL](https://evil.example/x.png)',
  'https://evil.example/EVIL',
  'www.evil.example/EVIL',
  'EVIL@evil.example',
  '<https://evil.example/EVIL>',
  '<img src=x onerror=alert("EVIL")>',
  '<script>EVIL</script>',
  '<a href="https://evil.example">EVIL</a>',
  '</code></li></ul><h1>EVIL',
  '`EVIL` <b>x</b>',
  '``` EVIL',
  '`` ` EVIL ``` `',
  '\\`[EVIL](https://evil.example)',
  '# EVIL',
  '\n\n# EVIL\n\n',
  'a\n| EVIL | b |\n|---|---|\n| c | d |',
  'a\r\n---\r\n> EVIL',
  '- [ ] EVIL',
  '1. EVIL',
  '*EVIL* __EVIL__ ~~EVIL~~',
  '&lt;img src=x&gt; &#60;EVIL&#62;',
  '[EVIL]: https://evil.example',
  'EVIL[^1]',
  '@EVIL #1 :EVIL: $EVIL$',
];

/** The text of Markdown outside of its code spans, by the rules of CommonMark: a span ends at backticks as many as began it. */
export function outsideCode(markdown: string): string {
  let [outside, rest] = ['', markdown];
  for (;;) {
    const opening = /`+/.exec(rest);
    if (opening === null) return outside + rest;
    const [fence] = opening;
    const before = rest.slice(0, opening.index);
    const after = rest.slice(opening.index + fence.length);
    const closing = new RegExp(`(?<!\`)${fence}(?!\`)`).exec(after);
    assert.ok(closing !== null, `backticks that are not closed: ${markdown}`);
    assert.doesNotMatch(after.slice(0, closing.index), /\n/, 'a code span is on one line');
    outside += `${before}<code>`;
    rest = after.slice(closing.index + fence.length);
  }
}
