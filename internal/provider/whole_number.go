package provider

import (
	"context"
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// wholeNumberType is the type of every number argument. Engines calculate with binary
// fractions, so 0.7 * 24 * 3600 is not exactly 60480, and the framework's own type
// refuses it. The values are the framework's: one with the number as the engine sent
// it would make withNumbersOf superfluous, but every model, rule and default would
// then need that type, and the semantic equality of plans its own code.
type wholeNumberType struct{ basetypes.Int64Type }

// calculationError is the largest distance from a whole number that counts as an
// error of calculation.
var calculationError = big.NewFloat(1e-9)

// Equal includes the framework's own type, because that is the type of the values.
func (t wholeNumberType) Equal(other attr.Type) bool {
	_, same := other.(wholeNumberType)
	return same || t.Int64Type.Equal(other)
}

// ValueFromTerraform rounds. Validate refuses what is not nearly whole.
func (t wholeNumberType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	if whole, number := rounded(in); number != nil {
		return types.Int64Value(whole), nil
	}
	return t.Int64Type.ValueFromTerraform(ctx, in)
}

// Validate reports a number that is not whole, or too large.
func (wholeNumberType) Validate(_ context.Context, in tftypes.Value, at path.Path) diag.Diagnostics {
	whole, number := rounded(in)
	if number == nil {
		return nil
	}
	if off := new(big.Float).Sub(number, new(big.Float).SetInt64(whole)); off.Abs(off).Cmp(calculationError) <= 0 {
		return nil
	}
	return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at, "Not a whole number",
		fmt.Sprintf("The value is about %s. Only whole numbers of up to 64 bits are accepted: round it, for example with floor().", number.Text('g', 10)))}
}

// withNumbersOf returns the object with the numbers that an engine has sent in place
// of those that were rounded from them: engines expect exactly what is configured.
func withNumbersOf(object, sent tftypes.Value) tftypes.Value {
	var to, from map[string]tftypes.Value
	if object.As(&to) != nil || sent.As(&from) != nil || len(to) == 0 {
		return object
	}
	for name, value := range to {
		is, known := rounded(value)
		if was, sent := rounded(from[name]); known != nil && sent != nil && was == is {
			to[name] = from[name]
		}
	}
	return tftypes.NewValue(object.Type(), to)
}

// rounded returns a number and the whole one of 64 bits that is nearest to it. number
// is nil for null, for unknown, and for what is not a number.
func rounded(value tftypes.Value) (whole int64, number *big.Float) {
	if value.As(&number) != nil || number == nil {
		return 0, nil
	}
	nearest, _ := new(big.Float).SetString(number.Text('f', 0))
	whole, _ = nearest.Int64()
	return whole, number
}
