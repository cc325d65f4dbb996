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
  return { status = "Progressing", message = "Waiting for the operator to observe the policy" }
end

local accepted = condition("Accepted")
local programmed = condition("Programmed")
local overridden = condition("Overridden")
local contested = condition("Contested")
local tripped = condition("Tripped")

if accepted.status == "False" then
  return health("Degraded", accepted)
end
if contested.status == "True" then
  return health("Degraded", contested)
end
if programmed.status == "False" then
  return health(programmed.reason == "Pending" and "Progressing" or "Degraded", programmed)
end
if programmed.status ~= "True" then
  return { status = "Progressing", message = "Waiting for the policy to be in force" }
end
-- An open circuit does its work, so it is healthy.
if tripped.status == "True" or tripped.reason == "Override" or tripped.reason == "Shadow" then
  return health("Healthy", tripped)
end
if overridden.status == "True" then
  return health("Healthy", overridden)
end
return { status = "Healthy", message = programmed.message }
