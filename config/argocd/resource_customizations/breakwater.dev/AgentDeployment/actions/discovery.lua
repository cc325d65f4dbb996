local paused = (obj.metadata.annotations or {})["breakwater.dev/paused"] == "true"

return {
  ["pause"] = {
    ["displayName"] = "Hold as it is",
    ["iconClass"] = "fa fa-fw fa-pause-circle",
    ["disabled"] = paused,
  },
  ["resume"] = {
    ["displayName"] = "Apply what has changed",
    ["iconClass"] = "fa fa-fw fa-play-circle",
    ["disabled"] = not paused,
  },
}
