/**
 * What is passed around.
 * @typedef {[number, number]} Pair
 * @typedef {{type: string, mode: "color"|"gray"|"keep"|"erase", points: number[][], radius: number, strength: number,
 *   ab?: Pair, label?: string, is_hidden?: boolean, is_locked?: boolean}} Hint
 * @typedef {{x: number, y: number, scale: number}} View  centre in pixels of the photo; screen pixels a photo pixel
 * @typedef {{width: number, height: number}} Size
 * @typedef {{revision: number, strokes: Record<string, Hint|null>, settings: Record<string, any>, is_saved: boolean,
 *   can_undo: boolean, can_redo: boolean}} Change
 * @typedef {Change & {photo: Size & {name: string}, tiles: {side: number, levels: number}, project: string,
 *   model: string, is_predicted: boolean, defaults: Record<string, any>, stage: string}} State
 * @typedef {{ab: Pair, probability: number}} Suggestion
 * @typedef {{lightness: number, ab: Pair, suggestions: Suggestion[]}} Place
 */
export {};
