/** What JSON may hold raw and a terminal would act on: DEL, C1 controls, bidirectional and zero-width characters, separators. */
const UNSAFE = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** The same JSON value in characters that are safe to print: `indent` 0 gives one line. */
export const jsonText = (value: object, indent = 2): string =>
  JSON.stringify(value, undefined, indent).replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
