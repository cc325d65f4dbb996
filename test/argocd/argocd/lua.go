package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	jsonpatch "github.com/evanphx/json-patch"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"

	"github.com/argoproj/argo-cd/v3/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/argo-cd/v3/util/settings"
)

const namespace = "argocd"

// What is asked of an object: its health, the actions it offers, or what an action makes of it.
type question struct {
	Ask        string            `json:"ask"`
	Object     map[string]any    `json:"object"`
	Action     string            `json:"action"`
	Parameters map[string]string `json:"parameters"`
}

type answer struct {
	Health  any    `json:"health,omitempty"`
	Actions any    `json:"actions,omitempty"`
	Patch   any    `json:"patch,omitempty"`
	Error   string `json:"error,omitempty"`
}

// Answers each question that stdin holds as JSON with one line of JSON, by Argo CD's own Lua VM under the settings of the
// ConfigMap argocd-cm in the file that the argument names.
func newLuaCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "lua FILE",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			vm, err := configured(command.Context(), args[0])
			if err != nil {
				return err
			}
			questions, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
			for {
				var one question
				if err := questions.Decode(&one); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
				given, err := reply(vm, one)
				if err != nil {
					given = answer{Error: err.Error()}
				}
				if err := answers.Encode(given); err != nil {
					return err
				}
			}
		},
	}
}

// The VM as Argo CD's API server configures it.
func configured(ctx context.Context, path string) (lua.VM, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return lua.VM{}, err
	}
	var configMap corev1.ConfigMap
	if err := yaml.UnmarshalStrict(text, &configMap); err != nil {
		return lua.VM{}, fmt.Errorf("%s: %w", path, err)
	}
	configMap.Namespace = namespace
	configMap.Labels = map[string]string{"app.kubernetes.io/part-of": "argocd"}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Name: "argocd-secret", Namespace: namespace, Labels: configMap.Labels,
	}}
	manager := settings.NewSettingsManager(ctx, fake.NewClientset(&configMap, secret), namespace)
	overrides, err := manager.GetResourceOverrides()
	return lua.VM{ResourceOverrides: overrides}, err
}

func reply(vm lua.VM, one question) (answer, error) {
	object := &unstructured.Unstructured{Object: one.Object}
	switch one.Ask {
	case "health":
		return health(vm, object)
	case "actions":
		return actions(vm, object)
	case "run":
		return run(vm, object, one)
	}
	return answer{}, fmt.Errorf("ask for health, actions or run, not %q", one.Ask)
}

func health(vm lua.VM, object *unstructured.Unstructured) (answer, error) {
	script, openLibs, err := vm.GetHealthScript(object)
	if err != nil {
		return answer{}, err
	}
	if script == "" {
		return answer{}, fmt.Errorf("no health check for %s", object.GroupVersionKind())
	}
	vm.UseOpenLibs = openLibs
	status, err := vm.ExecuteHealthLua(object, script)
	return answer{Health: status}, err
}

func actions(vm lua.VM, object *unstructured.Unstructured) (answer, error) {
	scripts, err := vm.GetResourceActionDiscovery(object)
	if err != nil {
		return answer{}, err
	}
	found, err := vm.ExecuteResourceActionDiscovery(object, scripts)
	sort.Slice(found, func(i, j int) bool { return found[i].Name < found[j].Name })
	return answer{Actions: found}, err
}

// The merge patch with which the API server brings about what the action returns.
func run(vm lua.VM, object *unstructured.Unstructured, one question) (answer, error) {
	before, err := object.MarshalJSON()
	if err != nil {
		return answer{}, err
	}
	definition, err := vm.GetResourceAction(object, one.Action)
	if err != nil {
		return answer{}, err
	}
	var parameters []*application.ResourceActionParameters
	for name, value := range one.Parameters {
		parameters = append(parameters, &application.ResourceActionParameters{Name: &name, Value: &value})
	}
	impacted, err := vm.ExecuteResourceAction(object, definition.ActionLua, parameters)
	if err != nil {
		return answer{}, err
	}
	if len(impacted) != 1 || impacted[0].K8SOperation != lua.PatchOperation {
		return answer{}, fmt.Errorf("action %s does more than patch its object", one.Action)
	}
	after, err := impacted[0].UnstructuredObj.MarshalJSON()
	if err != nil {
		return answer{}, err
	}
	patch, err := jsonpatch.CreateMergePatch(before, after)
	return answer{Patch: json.RawMessage(patch)}, err
}
