obj.metadata.annotations["breakwater.dev/paused"] = nil
return obj
