package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// privateState is the private state of a plan or an apply.
type privateState interface {
	privateStateReader
	privateStateWriter
}

type privateStateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateStateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// loadPrivate returns the zero value if nothing is stored, as after an import or a
// move.
func loadPrivate[T any](ctx context.Context, private privateStateReader, key string) (T, diag.Diagnostics) {
	var value T
	raw, diags := private.GetKey(ctx, key)
	if len(raw) > 0 && json.Unmarshal(raw, &value) != nil {
		// Only this provider writes it, and the next read writes it again.
		var zero T
		return zero, diags
	}
	return value, diags
}

func savePrivate(ctx context.Context, private privateStateWriter, key string, value any) diag.Diagnostics {
	raw, err := json.Marshal(value)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unable to save private state", err.Error())}
	}
	return private.SetKey(ctx, key, raw)
}
