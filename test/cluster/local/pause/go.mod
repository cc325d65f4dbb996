module breakwater/test/cluster/pause

go 1.23
