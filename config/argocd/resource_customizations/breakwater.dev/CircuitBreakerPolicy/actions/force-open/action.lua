local os = require("os")

-- Argo CD's os.date ignores "!" where it is given a time.
local function utc(time)
  local offset = os.time(os.date("*t")) - os.time(os.date("!*t"))
  return os.date("%Y-%m-%dT%H:%M:%SZ", time - offset)
end

-- Argo CD before 3.1 passes no parameters.
local given = actionParams or {}
local minutes = tonumber(given["minutes"] or "10")
if not (minutes and minutes > 0 and minutes <= 10080) then
  error("minutes: " .. given["minutes"] .. " is not a number above 0 and up to 10080 (a week)", 0)
end

obj.spec.override = {
  state = "Open",
  reason = given["reason"] or "Argo CD",
  expiresAt = utc(os.time() + minutes * 60),
}
return obj
