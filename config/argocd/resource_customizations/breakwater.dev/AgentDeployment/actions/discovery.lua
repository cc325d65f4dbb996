return {
  ["pause"] = {
    ["displayName"] = "Hold as it is",
    ["iconClass"] = "fa fa-fw fa-pause-circle",
    ["disabled"] = obj.spec.paused == true,
  },
  ["resume"] = {
    ["displayName"] = "Apply what has changed",
    ["iconClass"] = "fa fa-fw fa-play-circle",
    ["disabled"] = obj.spec.paused ~= true,
  },
}
