local os = require("os")

-- Argo CD's os.date ignores "!" where it is given a time.
local function utc(time)
  local offset = os.time(os.date("*t")) - os.time(os.date("!*t"))
  return os.date("%Y-%m-%dT%H:%M:%SZ", time - offset)
end

local isFirst = obj.spec.resetToken == nil

-- An override would hold circuits open.
obj.spec.override = nil
-- The generation grows with each change of the spec, so no token comes twice.
obj.spec.resetToken = "argocd-" .. obj.metadata.generation
-- Pods take the first token of a policy for no change, so a short override closes the circuits this once.
if isFirst then
  obj.spec.override = {
    state = "Closed",
    reason = "first reset by Argo CD",
    expiresAt = utc(os.time() + 10),
  }
end
return obj
