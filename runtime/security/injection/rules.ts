import type { InjectionSource } from './detector.ts';

/** A sign of an injection. */
interface Rule {
  id: string;
  /** Certainty of one hit, up to 100. Weights of different rules combine like probabilities. */
  weight: number;
  /** Sources with full weight; others get half. Absent: all. */
  in?: readonly InjectionSource[];
}

/**
 * A rule of words in order. `phrase` has the alternatives of each place, separated by |, and before each place but the
 * first the largest gap in words, as ..N.
 */
export interface PhraseRule extends Rule {
  phrase: string;
}

/** A rule of characters in RE2 syntax, for lower-case text. */
export interface MarkerRule extends Rule {
  pattern: string;
}

const FETCHED = ['ToolResults', 'McpResults', 'Documents'] as const;

const IGNORE = 'ignore|ignoring|disregard|disregarding|forget|forgetting|neglect|disobey|unlearn';
/** Texts about settings and programs use these words too. */
const DROP =
  'override|overrides|overriding|bypass|bypassing|discard|dismiss|abandon|overlook|violate|drop|skip|erase|circumvent';
const PRIOR =
  'previous|previously|prior|earlier|above|preceding|foregoing|before|initial|original|former|past';
const ORDERS =
  'instruction|instructions|directive|directives|command|commands|rule|rules|prompt|prompts|guideline|guidelines|guidance|orders|constraint|constraints|restrictions|policy|policies|programming|training|directions|guardrails|limitations|persona|criteria';
const YOUR = 'your|you|ur|my|his|its|their|openai|anthropic|developer';
const SHOW =
  "reveal|print|show|output|display|repeat|tell|dump|leak|expose|share|write|disclose|translate|recite|quote|list|give|send|return|summarize|summarise|begin|what|what's|paste|echo|spell|describe|provide";
const SECRET_THINGS =
  'conversation|chat|history|credential|credentials|password|passwords|secret|secrets|token|tokens|key|keys|inbox|emails|context|private|id_rsa|environment|variables|ssh|records|data|files|calendar|email|address';
const ACT =
  'send|post|forward|upload|transfer|email|exfiltrate|append|leak|put|fetch|submit|collect|run|execute|call|delete|visit|read|drop|buy|approve|pass|use|wire|pay|share|publish|attach|encode|open|curl|download|include|add';

/** Phrases. Full recall is no aim: each rule must stay quiet on ordinary text. */
export const PHRASES: readonly PhraseRule[] = [
  // Drops earlier instructions.
  { id: 'override-prior', weight: 90, phrase: `${IGNORE} ..3 ${PRIOR} ..2 ${ORDERS}` },
  { id: 'override-prior', weight: 45, phrase: `${IGNORE}|${DROP} ..3 ${PRIOR}|existing|other|system|current|given ..2 ${ORDERS}` },
  { id: 'override-prior', weight: 75, phrase: `${IGNORE} ..3 ${ORDERS} ..5 above|before|previously|earlier|given|told|received|written` },
  { id: 'override-your', weight: 80, phrase: `${IGNORE} ..3 ${YOUR} ..3 ${ORDERS}|task|safety|content|ethics|filters|context` },
  { id: 'override-your', weight: 65, phrase: `${DROP} ..1 your ..1 instructions|directives|guidelines|programming|training|safety|prompt|guardrails` },
  { id: 'override-all', weight: 60, phrase: `ignore|disregard|forget ..2 all|any|everything|every ..2 ${ORDERS}` },
  { id: 'override-prior', weight: 60, phrase: `${IGNORE} ..3 ${PRIOR} ..2 information|assignments|tasks|requests|request|task` },
  { id: 'no-restrictions', weight: 60, phrase: `${IGNORE}|${DROP} ..1 all|any|every|your ..1 restrictions|restriction|safeguards|guardrails|limitations|censorship|protocols` },
  { id: 'change-instructions', weight: 60, phrase: 'change|replace|rewrite|update|modify ..0 your ..1 instructions|prompt|guidelines|directives|programming' },
  { id: 'new-tasks', weight: 45, phrase: 'new|further ..0 tasks|instructions|task ..1 follow|follows|below' },
  { id: 'german', weight: 85, phrase: 'vergiss|vergesse|vergessen|ignoriere|ignorieren ..2 alles|alle|sämtliche ..5 gesagt|gesagte|bisherige|oben|vorherige|vorherigen|vorher|zuvor|informationen' },
  { id: 'croatian', weight: 90, phrase: 'zaboravi|zanemari|ignoriraj ..3 instrukcije|upute|pravila|naredbe' },
  { id: 'disregard-all', weight: 45, phrase: 'disregard ..0 all' },
  { id: 'override-everything', weight: 70, phrase: 'ignore|disregard|forget ..1 everything|all|anything|what|whatever ..4 above|before|previously|told|said|asked|else|earlier|learned|user' },
  { id: 'override-user', weight: 55, phrase: 'ignore|disregard|override|forget ..2 user|user\'s|users|human|owner' },
  { id: 'not-obey', weight: 70, phrase: `not|stop|never|don't|cease|without ..1 follow|following|obey|obeying|heed|respecting ..3 ${ORDERS}|system|user` },
  { id: 'not-obey', weight: 65, phrase: 'you ..3 not|no|never|don\'t ..3 have|need|required|longer ..3 follow|obey|respect ..3 rules|guidelines|instructions|policies|policy' },
  { id: 'void', weight: 60, phrase: `previous|prior|earlier|above|your|old|existing ..2 ${ORDERS} ..3 void|invalid|cancelled|canceled|revoked|test|superseded|obsolete|fake|expired|terminated|suspended|wrong` },
  { id: 'no-longer', weight: 65, phrase: `${ORDERS} ..3 no ..0 longer ..2 apply|applies|valid|bind|binding|matter|relevant|active` },
  { id: 'no-longer', weight: 65, phrase: `you|you're ..1 no|not ..1 longer|anymore ..3 bound|restricted|limited|constrained|required|subject|assistant|chatbot` },
  { id: 'bound-by', weight: 60, phrase: 'freed|free|released|liberated|unbound|escaped|broken ..3 from|of|by ..4 confines|restrictions|rules|constraints|limits|instructions|chains|guidelines' },
  { id: 'new-instructions', weight: 40, phrase: 'new|updated|revised|real|actual|true|additional ..1 instructions|instruction|directive|directives|orders|objective' },
  { id: 'new-instructions:', weight: 45, phrase: 'new|updated|revised|real|actual|urgent|important|system|hidden|special ..1 instructions:|instruction:|directive:|directives:|task:|objective:|mission:' },
  { id: 'changed-instructions', weight: 60, phrase: 'your ..1 instructions|instruction|task|role|objective|goal|mission|purpose|directives|orders|job ..2 changed|updated|replaced|modified|overridden|now|different' },
  { id: 'real-instructions', weight: 50, phrase: 'real|actual|true ..1 instructions|task|prompt|instruction|goal|user ..3 start|starts|begin|begins|follow|follows|here|below|is|are' },
  { id: 'instead-instructions', weight: 55, phrase: `follow|obey|execute|perform ..3 instructions|orders|commands|steps|message ..6 instead|only|below|exactly|without` },
  { id: 'do-as-i-say', weight: 45, phrase: 'do|follow|obey|answer|listen ..2 what|only|me|everything|to ..2 i|me ..1 say|tell|command|ask|order' },
  // Gives the model another role.
  { id: 'persona', weight: 85, phrase: 'you|you\'re|act|pretend|behave|roleplay|simulate|imagine|become|play|be|emulate ..8 dan|unrestricted|jailbroken|unfiltered|uncensored|unaligned|amoral|unethical|evilbot|stan|aim|unhinged|lawless' },
  { id: 'persona-now', weight: 35, phrase: 'you ..0 are ..0 now' },
  { id: 'persona-now', weight: 35, phrase: 'from ..0 now ..0 on|onward|onwards ..3 you|act|answer|respond|ignore|only|reply|behave|always|recommend|every|all|your' },
  { id: 'persona-act', weight: 35, phrase: 'act|pretend|roleplay|behave|simulate|imagine|impersonate ..3 as|that|you|a|an ..4 ai|assistant|model|character|persona|chatbot|hacker|admin|administrator|developer|god|bot|linux|terminal' },
  { id: 'no-limits', weight: 55, phrase: `you|ai|model|assistant|chatbot|act|answer|pretend|bot|respond|character|simulate ..6 no|without|never|zero|lacks|ignores ..2 restrictions|filters|filtering|ethical|ethics|moral|morals|guidelines|limitations|censorship|safety|restraints|disclaimers|restriction` },
  { id: 'never-refuses', weight: 45, phrase: 'you|ai|model|assistant|who|that|must ..4 never|not|cannot|can\'t ..2 refuse|refuses|decline|reject ..6 request|requests|anything|to|answer|and|question|any' },
  { id: 'anything-now', weight: 80, phrase: 'do ..0 anything ..0 now' },
  { id: 'jailbreak-mode', weight: 75, phrase: 'dan|god|jailbreak|unrestricted|sudo|unlocked|chaos|opposite|unfiltered|evil|override ..0 mode' },
  { id: 'developer-mode', weight: 30, phrase: 'developer|maintenance|debug|admin|administrator|root|test|diagnostic ..0 mode ..3 enabled|active|activated|on|engaged|you|is|are|output|all' },
  { id: 'enter-mode', weight: 30, phrase: 'enter|activate|switch|entering|entered ..3 developer|maintenance|admin|god|root|unrestricted|diagnostic ..0 mode' },
  { id: 'unfiltered', weight: 50, phrase: 'unfiltered|uncensored|unrestricted|jailbroken ..2 answer|response|answers|responses|output|ai|assistant|model|version|mode|opinion' },
  { id: 'safety-off', weight: 60, phrase: 'safety|content|security|ethical|moral|ethics ..1 filters|filter|checks|guidelines|policy|policies|restrictions|protocols|guardrails|guideline|measures|controls ..4 disabled|off|suspended|bypassed|removed|lifted|ignored|inactive|deactivated' },
  { id: 'safety-off', weight: 60, phrase: 'bypass|disable|ignore|override|circumvent|disregard|deactivate|evade|suspend|remove ..3 safety|content|ethical|moral|censorship ..1 filters|filter|checks|guidelines|policy|policies|restrictions|protocols|guardrails|guideline|measures|training' },
  // Asks for the prompt or other secrets of the model.
  { id: 'leak-prompt', weight: 70, phrase: `${SHOW} ..5 system|hidden|initial|secret|original|confidential|internal|developer ..1 prompt|prompts|instructions|message|directives|configuration` },
  { id: 'leak-instructions', weight: 65, phrase: `reveal|print|show|output|display|repeat|dump|leak|expose|disclose|translate|recite|quote|share|tell|give|paste|echo|what ..6 your|you ..2 instructions|prompt|prompts|directives|guidelines|configuration|rules|programming` },
  { id: 'leak-given', weight: 65, phrase: `${SHOW} ..5 prompt|instructions|message|text|rules ..3 you ..3 given|configured|told|received|programmed|trained|set|initialized|provided` },
  { id: 'leak-verbatim', weight: 65, phrase: `repeat|print|output|recite|write|show|quote ..4 above|instructions|prompt|everything ..5 verbatim|exactly` },
  { id: 'leak-verbatim', weight: 65, phrase: 'repeat|print|output|recite|write|show|quote|copy ..4 above|instructions|prompt|everything ..5 word ..0 for ..0 word' },
  { id: 'leak-verbatim', weight: 50, phrase: 'repeat|recite|print|output|quote ..3 text|words|everything|message ..1 above' },
  { id: 'leak-begin', weight: 50, phrase: 'starting|begin|beginning|start|starts ..2 with|phrase ..3 you ..1 are' },
  { id: 'leak-context', weight: 60, phrase: `${SHOW} ..4 contents|content|everything|all|full|entire ..3 context|prompt ..0 window|verbatim` },
  { id: 'leak-secret', weight: 45, phrase: 'reveal|print|dump|leak|expose|disclose|tell|output|exfiltrate ..4 api|secret|admin|administrator|confidential|private|all ..1 key|keys|password|passwords|credentials|secrets|tokens|token' },
  // Claims more authority than the user.
  { id: 'system-override', weight: 70, phrase: 'system|admin|security|emergency|developer|protocol ..0 override' },
  { id: 'authority', weight: 45, phrase: 'i|i\'m|im|am ..2 your ..1 developer|creator|administrator|admin|owner|engineer|programmer|master|maker' },
  { id: 'authorise', weight: 35, phrase: 'i|am|are|hereby|have ..2 authorise|authorize|authorised|authorized|permission|permitted|cleared|allowed ..3 you|to ..3 bypass|ignore|disable|override|reveal|access|skip|disregard|share' },
  { id: 'comply', weight: 50, phrase: 'you|must|will|shall ..2 comply|obey|submit ..2 with|every|all|any|me|to|this|user' },
  { id: 'privileges', weight: 40, phrase: 'elevated|admin|administrator|root|superuser|developer|unlimited ..1 privileges|privilege|permissions|access|rights ..2 granted|enabled|activated|confirmed|active' },
  { id: 'without-confirmation', weight: 35, phrase: 'without|skip ..1 asking|confirmation|confirming|approval|verification|consent' , in: FETCHED },
  { id: 'debug-session', weight: 35, phrase: 'this|for ..3 debugging|maintenance|testing|authorised|authorized|internal ..1 session|purposes|audit|test ..8 ignore|reveal|bypass|output|print|you|disable' },
  // Fetched text that addresses the model.
  { id: 'address-ai', weight: 50, in: FETCHED, phrase: `note|message|instruction|instructions|notice|important|memo|reminder|warning|attention ..1 to|for ..2 ai|llm|llms|assistant|assistants|agent|chatbot|copilot|chatgpt|claude|gpt|screeners|reviewers` },
  { id: 'address-ai', weight: 50, in: FETCHED, phrase: 'attention|dear|hey|hello|hi|listen ..1 ai|ais|llm|llms|assistant|assistants|agent|agents|chatbot|copilot|chatgpt|claude|gpt|model' },
  { id: 'address-ai:', weight: 45, in: FETCHED, phrase: `ai:|llm:|assistant:|agent:|agents:|assistants:|llms:|bot:|ais:|screeners:|reviewers: ..3 ${IGNORE}|you|stop|do|please|must|run|send|forward|reveal|call|always|never|say|tell|instead|print|recommend|from` },
  { id: 'address-ai-name', weight: 40, in: FETCHED, phrase: 'assistant|ai|agent|model|llm|chatbot ..0 you|ignore|disregard|forget|stop|override|reveal|print|forward|send' },
  { id: 'if-you-are-ai', weight: 65, in: FETCHED, phrase: 'if|since|as|because ..1 you|you\'re ..3 ai|llm|assistant|agent|chatbot|language|automated ..4 reading|processing|parsing|summarising|summarizing|reviewing|ignore|must|stop|model|please|required|should' },
  { id: 'if-you-are-ai', weight: 60, in: FETCHED, phrase: 'as|any ..1 ai|llm|automated ..1 agent|assistant|model|system|agents ..1 processing|reading|parsing|reviewing|summarising|summarizing|that|which' },
  { id: 'ai-reading', weight: 55, in: FETCHED, phrase: 'ai|ais|llm|llms|assistant|assistants|agent|agents|chatbot|chatbots|model|models|screeners|reviewers|crawlers|summarizers|systems ..1 reading|summarizing|summarising|processing|parsing|reviewing|analyzing|analysing|scraping|asked|indexing|who|that|is ..8 must|shall|should|ignore|disregard|required|need|has|have|will|please|recommend|say|state|include|reveal|always|never|output|give' },
  { id: 'ai-must', weight: 50, in: FETCHED, phrase: `ai|llm|llms|assistant|assistants|chatbot|model|agent|agents|copilot|systems|ais ..2 must|shall|required|should|ought|instructed ..2 ${ACT}|ignore|disregard|recommend|say|state|tell|respond|reply|answer|first|omit|never|always|not|mention|rate|stop|reveal|output|claim|forget|end|to` },
  { id: 'ai-ignore', weight: 65, in: FETCHED, phrase: `ai|llm|llms|assistant|assistants|chatbot|model|agent|agents|copilot|systems|ais ..5 ignore|disregard|forget|override|overlook ..4 user|instructions|task|criteria|safety|previous|prior|other|all|everything|what|your|readme|rules|policy|any|document` },
  { id: 'hide-from-user', weight: 60, in: FETCHED, phrase: 'not|without|never|don\'t|nor|avoid ..1 tell|mention|inform|informing|telling|reveal|alert|alerting|notify|mentioning|notifying|disclose|warn ..3 user|users|human|anyone|customer|reader|them|note|owner' },
  { id: 'hide-from-user', weight: 55, in: FETCHED, phrase: 'hide|conceal|keep|hidden|secret|kept ..4 from ..1 user|human|reader|customer|owner' },
  { id: 'must-not-mention', weight: 60, in: FETCHED, phrase: 'you|assistant|ai|model|agent ..1 must|should|shall|do|will ..1 not|never ..2 mention|tell|reveal|inform|disclose' },
  { id: 'user-wants', weight: 40, in: FETCHED, phrase: `user|customer|owner|human|he|she|they ..3 now|instead|actually|really|already ..3 wants|want|authorised|authorized|approved|asks|asked|requested|requests|confirmed|agreed|wishes ..4 ${ACT}|you|for` },
  { id: 'user-wants', weight: 35, in: FETCHED, phrase: 'user|customer|owner ..1 has|have ..2 changed|authorised|authorized|approved|agreed|consented ..3 mind|this|to|transfer|deletion|all|payment' },
  { id: 'before-answer', weight: 55, in: FETCHED, phrase: `before|prior|first ..3 answer|answering|respond|responding|reply|replying|using|calling|continuing|proceeding|continue|use|call ..6 ${ACT}|you|read|call|must` },
  { id: 'must-act', weight: 45, in: FETCHED, phrase: `you|assistant|agent|model|ai ..1 must|should|shall|need|have|are ..1 now|first|to|also|required|immediately|always|instead ..2 ${ACT}|tell|say|recommend` },
  { id: 'must-act', weight: 30, in: FETCHED, phrase: `must|should|have|need|required ..1 first|to ..1 ${ACT}|look|get_secrets` },
  { id: 'exfiltrate', weight: 45, in: FETCHED, phrase: `send|post|forward|upload|email|exfiltrate|append|leak|put|submit|transmit|include|pass|post|attach|encode ..8 ${SECRET_THINGS} ..6 http|https|to|url|pastebin|webhook|query|parameter|into|image` },
  { id: 'forward-mail', weight: 40, in: FETCHED, phrase: 'forward|send|email|share ..5 emails|inbox|conversation|calendar|contacts|documents|history|passwords|credentials ..6 to ..2' + ' http|https|attacker|backup|audit|admin|eve|evil|external|www' },
  { id: 'sensitive-file', weight: 30, in: FETCHED, phrase: 'read|open|cat|send|upload|access ..4 ssh|id_rsa|env|passwd|mcp|secrets|aws ..8 content|contents|put|send|pass|append|upload|post' },
  { id: 'environment', weight: 45, in: FETCHED, phrase: 'upload|send|post|exfiltrate|print|dump|leak ..2 all|the|every|any ..2 environment|env ..1 variables|vars ..6 to|http|https' },
  { id: 'every-response', weight: 50, in: FETCHED, phrase: 'include|add|append|end|mention|insert|put|place|recommend|answer|place|begin|start ..10 every|all|each|your|any ..2 response|reply|answer|summary|responses|answers|question|message|replies' },
  { id: 'reply-only', weight: 30, in: FETCHED, phrase: 'reply|respond|answer|say|output ..1 only|just|exactly ..1 with|that|the|this' },
  { id: 'reply-that', weight: 35, in: FETCHED, phrase: 'must|instead|should|then|and|shall ..1 say|state|claim|tell|conclude|reply|respond|declare|recommend|pretend ..2 that|with|only|user|reader|them' },
  { id: 'in-document', weight: 40, in: FETCHED, phrase: 'follow|obey|execute ..3 instructions|commands|steps ..2 in|from|on|of ..2 this|document|page|file|email|website|message' },
  { id: 'best-match', weight: 40, in: FETCHED, phrase: 'rate|mark|give|recommend|rank|approve|score|hire|accept|state|claim ..6 excellent|best|positive|highest|perfect|top|only|ideal|favourable|favorable|strong ..3 match|candidate|review|rating|score|product|vendor|fit|choice|option|paper|reviews' },
  { id: 'forget-task', weight: 65, phrase: 'forget|abandon|stop|quit|drop|leave|pause|cease ..2 your|current|original|the|this|what ..1 task|assignment|job|you\'re|you ..3' + ' and|print|instead|do|doing|now|follow|asked|are|then|begin|start|are|were' },
  { id: 'new-task', weight: 50, phrase: 'begin|start|your|here\'s|now|perform ..2 new|real|next|actual|different ..1 task|mission|objective|assignment|job|goal|role' },
  { id: 'conversation-over', weight: 45, in: FETCHED, phrase: 'conversation|chat|session|document|task|prompt|context ..2 above|is|ends|has|complete ..1 over|ended|finished|complete|closed|next ..8 new|begin|start|now|next|you|without' },
  { id: 'paste-reveal', weight: 45, in: FETCHED, phrase: 'reveal|print|output|post|show|display|share ..4 system|hidden|api|private|all|secret|confidential|env ..1 prompt|instructions|keys|key|secrets|data|variables|channel|repositories' },
  { id: 'private-repositories', weight: 45, in: FETCHED, phrase: 'private ..0 repositories|repository|repo|repos|channel|channels|messages|files|keys ..12 put|post|include|send|into|pull|here|public|comment|reveal|copy' },
  // In other languages.
  { id: 'german', weight: 90, phrase: 'ignoriere|ignorieren|ignoriert|vergiss|vergesse|vergessen|missachte|missachten|überschreibe ..4 vorherigen|bisherigen|obigen|alle|alles|früheren|vorigen|deine|ihre|sämtliche ..3 anweisungen|anweisung|regeln|befehle|instruktionen|vorgaben|richtlinien|bisherige|anfragen' },
  { id: 'spanish', weight: 90, phrase: 'ignora|ignore|ignorar|olvida|olvide|omite|descarta|desobedece|olvidar ..4 instrucciones|reglas|indicaciones|órdenes|directrices|instrucción' },
  { id: 'french', weight: 90, phrase: 'ignore|ignorez|ignorer|oublie|oubliez|oublier|néglige|négligez ..4 instructions|consignes|règles|directives|ordres ..2 précédentes|antérieures|précédents|ci|initiales|reçues|données' },
  { id: 'french', weight: 80, phrase: 'ignorez|oublie|oubliez|néglige ..3 instructions|consignes|règles|directives' },
  { id: 'italian', weight: 90, phrase: 'ignora|ignori|ignorare|dimentica|dimenticare|trascura ..4 istruzioni|regole|indicazioni|direttive|comandi' },
  { id: 'portuguese', weight: 90, phrase: 'ignore|ignora|esqueça|esquece|desconsidere|descarte ..4 instruções|regras|ordens|comandos|diretrizes' },
  { id: 'dutch', weight: 90, phrase: 'negeer|vergeet|negeren ..4 instructies|regels|opdrachten|aanwijzingen|richtlijnen' },
  { id: 'russian', weight: 90, phrase: 'игнорируй|игнорируйте|забудь|забудьте|проигнорируй|отмени ..4 инструкции|указания|правила|команды|инструкций|предписания' },
  { id: 'polish', weight: 90, phrase: 'zignoruj|ignoruj|zapomnij|pomiń ..4 instrukcje|polecenia|zasady|instrukcji|poleceniach|instrukcjach' },
  { id: 'turkish', weight: 90, phrase: 'önceki|tüm|yukarıdaki ..3 talimatları|kuralları|komutları|talimatlari ..3 unut|yoksay|görmezden|dikkate' },
  { id: 'swedish', weight: 90, phrase: 'ignorera|glöm|bortse ..4 instruktioner|regler|anvisningar' },
  { id: 'ukrainian', weight: 90, phrase: 'ігноруй|ігноруйте|забудь|забудьте|проігноруй|відкинь ..4 інструкції|вказівки|правила|команди|інструкцій|настанови' },
  { id: 'arabic', weight: 90, phrase: 'تجاهل|تجاهلي|تجاهلوا|انس|انسى|انسوا ..3 التعليمات|الأوامر|القواعد|الإرشادات|تعليمات|تعليماتك|تعليماتي|قواعدك|أوامرك' },
  { id: 'hindi', weight: 90, phrase: 'पिछले|पूर्व|उपरोक्त|सभी|पहले|अपने|पिछली ..3 निर्देशों|निर्देश|नियमों|आदेशों|हिदायतों ..3 अनदेखा|अनदेखी|भूल|नज़रअंदाज़|नजरअंदाज|उपेक्षा' },
  { id: 'indonesian', weight: 90, phrase: 'abaikan|lupakan|hiraukan|mengabaikan ..3 instruksi|perintah|aturan|arahan ..3 sebelumnya|di|tersebut|awal|sistem|anda|kamu|tadi' },
  { id: 'leak-other', weight: 65, phrase: 'zeige|zeig|gib|verrate|nenne|muestra|revela|dime|affiche|montre|révèle|donne|mostra|rivela|mostre|revele|toon|onthul|покажи|раскрой|выведи|pokaż|ujawnij ..5 systemprompt|systemaufforderung|systeemprompt|prompt|промпт|systemanweisungen|podpowiedź' },
  // Labels of prompts that are also ordinary words.
  { id: 'role-label', weight: 25, phrase: 'system:|admin:|developer:|administrator: ..6 you|your|ignore|disregard|must|all|reveal|override|from|obey|never|always' },
  { id: 'sudo', weight: 15, phrase: 'sudo' },
  { id: 'sudo-mode', weight: 40, phrase: 'sudo|root|admin ..1 mode|access|command|enabled ..6 execute|enabled|without|reveal|run|you|granted' },
]; // prettier-ignore

/** Ids of rules whose hits weigh less in the ordinary phrases below. */
export const SPARED: ReadonlySet<string> = new Set([
  'override-prior',
  'override-your',
  'override-all',
  'override-everything',
  'not-obey',
  'void',
  'leak-instructions',
  'no-restrictions',
  'changed-instructions',
  'leak-prompt',
]);

/** Ordinary phrases that these rules would take for an attempt: instructions of a book or a machine, and what the user said. */
export const ORDINARY: readonly Pick<PhraseRule, 'id' | 'phrase' | 'in'>[] = [
  { id: 'of-a-text', phrase: `${ORDERS}|information|above ..2 in|from|on|of|for|under|at ..3 chapter|chapters|section|sections|step|steps|page|pages|manual|recipe|appendix|lesson|exercise|worksheet|tutorial|handbook|booklet|leaflet|figure|table|paragraph|slide|slides|homework|quiz|exam` },
  { id: 'of-a-thing', phrase: `${ORDERS} ..2 in|from|on|of|for|under|at|with ..3 kit|box|package|packaging|oven|washer|dishwasher|furniture|shelf|label|line|lines|file|folder|directory|css|stylesheet|linter|eslint|compiler|firewall|router|board|game|printer` },
  { id: 'of-a-program', phrase: `ignore|ignoring|override|disable|skip|bypass|drop ..3 css|eslint|lint|linter|firewall|default|rate|cache|gitignore|robots|style|formatting|validation ..2 ${ORDERS}` },
  { id: 'of-the-user', in: ['UserInput'], phrase: `my|our|his|her|their|mom's|boss's|doctor's|teacher's ..2 ${PRIOR}|last|first|old ..2 ${ORDERS}|information|request|message` },
  { id: 'said-by-the-user', in: ['UserInput'], phrase: `${IGNORE}|scratch ..2 what|everything|all|anything|that ..2 i|we|i've|she|he|they ..2 said|told|asked|wrote|mentioned|typed|sent|ordered` },
  { id: 'said-by-the-user', in: ['UserInput'], phrase: `${IGNORE} ..1 my ..3 ${ORDERS}|message|email|question|request|order` },
  { id: 'of-a-ticket', in: ['UserInput'], phrase: 'message|instructions|configuration ..1 of|in|from|about ..2 my|our' },
  { id: 'of-the-shop', in: ['UserInput'], phrase: 'your ..2 rules|guidelines|configuration|instructions|policy|policies ..0 for|on|about|regarding|concerning|when|if|around' },
]; // prettier-ignore

/** Characters that frame prompts, and ways out of a page. */
export const MARKERS: readonly MarkerRule[] = [
  { id: 'chat-template', weight: 85, pattern: '<\\|(im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|endofprompt)\\|>' },
  { id: 'chat-template', weight: 70, pattern: '\\[/?inst\\]|<</?sys>>|<(start|end)_of_turn>' },
  { id: 'instruction-header', weight: 45, pattern: '(^|\\n)#{2,4} ?(system|instruction|human|assistant|response|new instructions?)( prompt| message)?:' },
  { id: 'turn-labels', weight: 75, pattern: '\\n\\s*human: [^\\n]*\\n+\\s*assistant: ' },
  { id: 'frame-tag', weight: 60, pattern: '</(tool_result|function_results|tool_response|system_prompt|user_input|untrusted|function_calls)>\\s*(<|you|the|ignore|\\[|system|human)' },
  { id: 'frame-tag', weight: 55, pattern: '<(system|system_prompt|system-reminder|system_message|admin|important)>[\\s]*(the user|you|ignore|disregard|before|do not|assistant|always|never|from now|new|all|override)' },
  { id: 'role-bracket', weight: 50, pattern: '(^|\\n)\\s*\\[(system|admin|developer|system message|system note|root|administrator)\\][: ][^\\n]*(you |your |must|ignore|disregard|override|reveal|privileges|conversation)' },
  { id: 'image-exfiltration', weight: 70, pattern: '!\\[[^\\]\\n]*\\]\\(https?://[^)\\s]*[?&][a-z_]+=(\\{|%7b|\\$|<|\\[)' },
  { id: 'image-exfiltration', weight: 45, pattern: '!\\[[^\\]\\n]*\\]\\(https?://[^)\\s]*[?&](data|secret|exfil|leak|conversation|history|chat|prompt|context|payload)=' },
  { id: 'pipe-to-shell', weight: 15, pattern: '(curl|wget) [^\\n|]*\\| ?(ba)?sh' },
  { id: 'script', weight: 5, pattern: '<script>' },
  { id: 'chinese', weight: 90, pattern: '(忽略|无视|忘记|忘掉|不要理会)[^。\\n]?[^。\\n]?[^。\\n]?[^。\\n]?[^。\\n]?(之前|以上|前面|先前|上述|所有|原有|此前)[^。\\n]?[^。\\n]?[^。\\n]?[^。\\n]?(指令|指示|提示|规则|命令|要求|说明)' },
  { id: 'japanese', weight: 90, pattern: '(以前|これまで|上記|前|すべて|全て)の?[^。\\n]?[^。\\n]?[^。\\n]?[^。\\n]?(指示|命令|ルール|プロンプト|指令)[^。\\n]?[^。\\n]?[^。\\n]?[^。\\n]?(無視|忘れ|従わ)' },
  { id: 'korean', weight: 90, pattern: '(이전|위|앞|모든|지금까지)[^.\\n]?[^.\\n]?[^.\\n]?[^.\\n]?[^.\\n]?(지시|명령|지침|규칙)[^.\\n]?[^.\\n]?[^.\\n]?[^.\\n]?[^.\\n]?(무시|잊)' },
]; // prettier-ignore
