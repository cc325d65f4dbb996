/** Sources of texts. Each has its own likelihood of injected instructions. */
export const INJECTION_SOURCES = ['UserInput', 'ToolResults', 'McpResults', 'Documents'] as const;
export type InjectionSource = (typeof INJECTION_SOURCES)[number];

export interface InjectionVerdict {
  /** 0 to 100; not a probability, but compared with a threshold. */
  score: number;
  /** Ids of the rules that contributed, heaviest first. No part of the text. */
  rules: readonly string[];
  /** A service that must look at the text did not answer. */
  unchecked?: boolean;
}

/** Scores texts by their similarity to prompt injection. Rules or a service can implement it. */
export interface InjectionDetector {
  /** Never rejects because of the text. */
  examine(text: string, source: InjectionSource): Promise<InjectionVerdict>;
}

export const NOTHING_FOUND: InjectionVerdict = { score: 0, rules: [] };
