return {
  ["reset"] = {
    ["displayName"] = "Close all circuits",
    ["iconClass"] = "fa fa-fw fa-undo",
  },
  ["force-open"] = {
    ["displayName"] = "Force circuits open",
    ["iconClass"] = "fa fa-fw fa-ban",
    ["params"] = {
      { ["name"] = "minutes", ["type"] = "number", ["default"] = "10" },
      { ["name"] = "reason", ["type"] = "string", ["default"] = "Argo CD" },
    },
  },
  ["clear-override"] = {
    ["displayName"] = "Clear the override",
    ["iconClass"] = "fa fa-fw fa-eraser",
    ["disabled"] = obj.spec.override == nil,
  },
}
