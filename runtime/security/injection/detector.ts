/** Where a text comes from, which says how likely it is to hold an instruction that nobody gave. */
export const INJECTION_SOURCES = ['UserInput', 'ToolResults', 'McpResults', 'Documents'] as const;
export type InjectionSource = (typeof INJECTION_SOURCES)[number];

/** What a detector makes of a text. */
export interface InjectionVerdict {
  /** 0 to 100. No probability: texts are told apart by a threshold. */
  score: number;
  /** Ids of the rules that made the score, the heaviest first. No part of the text. */
  rules: readonly string[];
}

/** Scores texts by how much they look like prompt injection. A classifier can stand behind it as well as rules. */
export interface InjectionDetector {
  /** Never rejects because of the text. */
  examine(text: string, source: InjectionSource): Promise<InjectionVerdict>;
}

export const NOTHING_FOUND: InjectionVerdict = { score: 0, rules: [] };
