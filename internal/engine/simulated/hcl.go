package simulated

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// HCL writes a configuration for a real engine, or for a person. The number of the
// run makes what is known after apply unknown once more.
func (c Configuration) HCL(run int) string {
	var out strings.Builder
	for _, at := range Sorted(c) {
		b := c[at]
		address := at.HCL()
		if b.Forget {
			fmt.Fprintf(&out, "removed {\n  from = %s\n  lifecycle {\n    destroy = false\n  }\n}\n", address)
			continue
		}
		if b.Import != "" {
			fmt.Fprintf(&out, "import {\n  to = %s\n  id = %q\n}\n", address, b.Import)
		}
		if b.MovedFrom != (Address{}) {
			fmt.Fprintf(&out, "moved {\n  from = %s\n  to   = %s\n}\n", b.MovedFrom.HCL(), address)
		}
		_, name, _ := strings.Cut(address, ".")
		fmt.Fprintf(&out, "resource %q %q {\n", at.Type, name)
		var later strings.Builder
		for _, argument := range slices.Sorted(maps.Keys(b.Arguments)) {
			value := hclValue(b.Arguments[argument])
			if slices.Contains(b.Later, argument) {
				source := fmt.Sprintf("%s_%s_%s_%d", at.Type, name, argument, run)
				fmt.Fprintf(&later, "resource \"terraform_data\" %q {\n  input = %s\n}\n", source, value)
				value = "terraform_data." + source + ".output"
			}
			fmt.Fprintf(&out, "  %s = %s\n", argument, value)
		}
		if b.CreateBeforeDestroy || len(b.IgnoreChanges) > 0 {
			fmt.Fprintf(&out, "  lifecycle {\n    create_before_destroy = %t\n    ignore_changes        = [%s]\n  }\n", b.CreateBeforeDestroy, strings.Join(b.IgnoreChanges, ", "))
		}
		const failing = "  provisioner \"local-exec\" {\n    command = \"exit 1\"\n  }\n"
		if b.ProvisionerFails {
			out.WriteString(failing)
		}
		out.WriteString("}\n" + later.String())
		if b.DependentFails {
			fmt.Fprintf(&out, "resource \"terraform_data\" \"dependent_%s_%s_%d\" {\n  input = %s\n%s}\n", at.Type, name, run, address, failing)
		}
	}
	return out.String()
}

// HCL writes an address without an index, which would need for_each or count.
func (a Address) HCL() string {
	return a.Type + "." + strings.NewReplacer("[", "_", "]", "").Replace(a.Name)
}

func hclValue(value any) string {
	switch value := value.(type) {
	case Reference:
		return value.To.HCL() + "." + value.Attribute
	case map[string]string:
		var elements []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			elements = append(elements, fmt.Sprintf("%s = %q", name, value[name]))
		}
		return "{ " + strings.Join(elements, ", ") + " }"
	case string:
		return fmt.Sprintf("%q", value)
	default:
		return fmt.Sprint(value)
	}
}
