/**
 * What has to happen at once in Redis. KEYS[1] is the conversation, KEYS[2] the lease of a turn, which holds the token of
 * whoever has it.
 */
export const SCRIPTS = {
  /** ARGV: token, time of the lease in ms. Nil: there is none; empty: it is busy; else the conversation. */
  take: `
    local conversation = redis.call('GET', KEYS[1])
    if not conversation then return nil end
    if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return '' end
    return conversation`,
  /** ARGV: token, time of the lease in ms, idle time in ms. 1 when the lease is still held. */
  renew: `
    if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
    return redis.call('PEXPIRE', KEYS[1], ARGV[3])`,
  /** ARGV: token, conversation or empty to leave it, idle time in ms. 1 when the lease was still held. */
  release: `
    if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
    redis.call('DEL', KEYS[2])
    if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
    if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
    return 1`,
  /** 1 when there was one. */
  remove: `
    redis.call('DEL', KEYS[2])
    return redis.call('DEL', KEYS[1])`,
} as const;
