package provider_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// stateFile is what engines store.
type stateFile struct {
	Resources []struct {
		Type, Name, Provider string
		Instances            []stateInstance
	}
}

type stateInstance struct {
	Status, Deposed      string
	SchemaVersion        int64 `json:"schema_version"`
	Attributes, Identity map[string]any
}

func (i stateInstance) id() string {
	id, _ := i.Attributes["id"].(string)
	return id
}

func readStateFile(t *testing.T, name string) (state stateFile) {
	t.Helper()
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(content) == 0 {
		return state // The engine makes an empty file to lock it.
	}
	if err == nil {
		err = json.Unmarshal(content, &state)
	}
	if err != nil {
		t.Fatalf("the state is damaged: %v\n%s", err, content)
	}
	return state
}

// instances are those in the state file, by address without index. It works
// after an engine was killed, too.
func (c *cli) instances() map[string][]stateInstance {
	c.t.Helper()
	all := make(map[string][]stateInstance)
	for _, resource := range readStateFile(c.t, filepath.Join(c.Dir, "terraform.tfstate")).Resources {
		all[resource.Type+"."+resource.Name] = resource.Instances
	}
	return all
}

// values are the attributes of a resource with one instance; nil without it.
func (c *cli) values(address string) map[string]any {
	c.t.Helper()
	if instances := c.instances()[address]; len(instances) == 1 {
		return instances[0].Attributes
	}
	return nil
}
