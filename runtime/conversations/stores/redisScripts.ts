/**
 * Atomic steps in Redis. KEYS[1] is the conversation, KEYS[2] the lease of a turn, which contains the holder's token.
 */
export const SCRIPTS = {
  /**
   * ARGV: token, time of the lease in ms. Nil: no conversation; empty: another turn has the lease; else the
   * conversation.
   */
  take: `
    local conversation = redis.call('GET', KEYS[1])
    if not conversation then return nil end
    if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return '' end
    return conversation`,
  /**
   * ARGV: token, time of the lease in ms, idle time in ms. 1: the token still had the lease; 2: it had not; 0: there is
   * no conversation.
   */
  renew: `
    if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 2 * redis.call('EXISTS', KEYS[1]) end
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
    return redis.call('PEXPIRE', KEYS[1], ARGV[3])`,
  /**
   * ARGV: token, conversation or empty to keep the old one, idle time in ms. Answers as renew does, and 1 where an
   * earlier try, whose answer was lost, has stored the conversation.
   */
  release: `
    if redis.call('GET', KEYS[2]) ~= ARGV[1] then
      local conversation = redis.call('GET', KEYS[1])
      if not conversation then return 0 end
      return conversation == ARGV[2] and 1 or 2
    end
    redis.call('DEL', KEYS[2])
    if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
    if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
    return 1`,
  /** 1 if the conversation existed. */
  remove: `
    redis.call('DEL', KEYS[2])
    return redis.call('DEL', KEYS[1])`,
} as const;
