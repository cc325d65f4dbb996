/**
 * Token buckets in Redis, with the rules of Bucket. A bucket consists of its level and the time of the level, in
 * milliseconds of Redis' clock, and expires when it is full again: a missing bucket is full. For each of KEYS, ARGV
 * has: amount, period in ms, capacity, tokens to charge first (negative: to give back), the number of costs, and the
 * costs. The script grants the first costs that the level covers, in their order. It answers two texts for each of
 * KEYS: the tokens granted, and the level after it.
 */
export const LIMIT_SCRIPT = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local answer = {}
local at = 1
local function argument()
  at = at + 1
  return tonumber(ARGV[at - 1])
end
for _, key in ipairs(KEYS) do
  local amount, period, capacity, owed, count = argument(), argument(), argument(), argument(), argument()
  local level = capacity
  local kept = redis.call('GET', key)
  local before, since = string.match(kept or '', '^(%S+) (%S+)$')
  if before then
    local elapsed = math.max(0, now - tonumber(since))
    level = math.min(capacity, tonumber(before) + elapsed * amount / period)
  end
  level = math.min(capacity, level - owed)
  local granted = 0
  local open = true
  for _ = 1, count do
    local cost = math.min(argument(), capacity)
    open = open and level >= cost - 0.000001
    if open then
      level = level - cost
      granted = granted + cost
    end
  end
  if level >= capacity then
    if kept then redis.call('DEL', key) end
  else
    local full = math.min(1000000000000, math.ceil((capacity - level) * period / amount) + 1)
    redis.call('SET', key, string.format('%.17g %.17g', level, now), 'PX', string.format('%.0f', full))
  end
  answer[#answer + 1] = string.format('%.17g', granted)
  answer[#answer + 1] = string.format('%.17g', level)
end
return answer`;
