// Argo CD in one program. The first argument names the part that runs: one of its controllers, its repo server, or lua.go.
package main

import (
	"log"
	"os"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	applicationSet "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	repoServer "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

// Only the chosen one is made: the commands share variables, and each sets them to defaults of its own.
var parts = map[string]func() *cobra.Command{
	"application-controller":    controller.NewCommand,
	"applicationset-controller": applicationSet.NewCommand,
	"repo-server":               repoServer.NewCommand,
	"lua":                       newLuaCommand,
}

func main() {
	if len(os.Args) < 2 || parts[os.Args[1]] == nil {
		log.Fatal("usage: argocd application-controller|applicationset-controller|repo-server|lua ARGUMENT…")
	}
	command := parts[os.Args[1]]()
	command.SetArgs(os.Args[2:])
	if err := command.Execute(); err != nil {
		os.Exit(1)
	}
}
