/** What an endpoint accepts as proof of who asks. */
export type Credentials =
  | { kind: 'apiKey'; value: string }
  | { kind: 'bearer'; token: string }
  | { kind: 'aws'; accessKeyId: string; secretAccessKey: string; sessionToken?: string };
