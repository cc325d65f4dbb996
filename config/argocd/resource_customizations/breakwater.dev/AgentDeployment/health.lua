local function condition(type)
  for _, each in ipairs(obj.status.conditions or {}) do
    if each.type == type then
      return each
    end
  end
  return {}
end

local function health(status, source)
  return { status = status, message = source.reason .. ": " .. source.message }
end

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Waiting for the operator to observe the agent" }
end

local degraded = condition("Degraded")
local progressing = condition("Progressing")
local ready = condition("Ready")
local policies = condition("PoliciesProgrammed")
local dependencies = condition("DependenciesHealthy")

if degraded.status == "True" then
  return health("Degraded", degraded)
end
if progressing.reason == "Paused" then
  return health("Suspended", progressing)
end
if policies.status == "False" and policies.reason ~= "Pending" then
  return health("Degraded", policies)
end
if progressing.status == "True" then
  return health("Progressing", progressing)
end
if ready.status ~= "True" then
  return ready.status == "False" and health("Progressing", ready)
    or { status = "Progressing", message = "Waiting for the agent to be ready" }
end
if policies.status == "False" then
  return health("Progressing", policies)
end
-- A model that fails is what circuits are for: the agent does its work.
if dependencies.status == "False" then
  return health("Healthy", dependencies)
end
return { status = "Healthy", message = ready.message }
