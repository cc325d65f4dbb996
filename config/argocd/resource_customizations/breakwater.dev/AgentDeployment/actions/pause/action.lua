obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["breakwater.dev/paused"] = "true"
return obj
