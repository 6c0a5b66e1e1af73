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

// wholeNumberType is the type of every number argument. Engines calculate with
// binary fractions, so 0.7 * 24 * 3600 is not exactly 60480. For such a number, as
// for every fraction, the framework's own type reports a bug in the provider.
type wholeNumberType struct{ basetypes.Int64Type }

// calculationError is the largest distance from a whole number that counts as an
// error of calculation.
var calculationError = big.NewFloat(1e-9)

// Equal includes the framework's own type, because that is the type of the values.
func (t wholeNumberType) Equal(other attr.Type) bool {
	_, same := other.(wholeNumberType)
	return same || t.Int64Type.Equal(other)
}

func (wholeNumberType) String() string { return "provider.wholeNumberType" }

// ValueFromTerraform rounds. Validate refuses what is not nearly whole.
func (t wholeNumberType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	if number := knownNumber(in); number != nil {
		return types.Int64Value(rounded(number)), nil
	}
	return t.Int64Type.ValueFromTerraform(ctx, in)
}

// Validate reports a number that is not whole.
func (wholeNumberType) Validate(_ context.Context, in tftypes.Value, at path.Path) diag.Diagnostics {
	number := knownNumber(in)
	if number == nil {
		return nil
	}
	off := new(big.Float).Sub(number, new(big.Float).SetInt64(rounded(number)))
	switch {
	case off.Abs(off).Cmp(calculationError) <= 0:
		return nil
	case number.IsInt():
		return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at, "Number too large",
			fmt.Sprintf("The value is %s, which does not fit into 64 bits.", number.Text('g', 6)))}
	}
	return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at, "Not a whole number",
		fmt.Sprintf("The value is about %s. The API accepts only whole numbers: round it, for example with floor().", number.Text('g', 10)))}
}

// withNumbersOf returns the object with the numbers that an engine has sent in
// place of those that were rounded from them: engines expect exactly what is
// configured.
func withNumbersOf(object, sent tftypes.Value) tftypes.Value {
	var to, from map[string]tftypes.Value
	if object.As(&to) != nil || sent.As(&from) != nil || len(to) == 0 {
		return object
	}
	for name, value := range to {
		if was, is := knownNumber(from[name]), knownNumber(value); was != nil && is != nil && rounded(was) == rounded(is) {
			to[name] = from[name]
		}
	}
	return tftypes.NewValue(object.Type(), to)
}

// knownNumber is nil for null, for unknown, and for what is not a number.
func knownNumber(value tftypes.Value) *big.Float {
	var number *big.Float
	if value.Type() == nil || !value.Type().Is(tftypes.Number) || !value.IsKnown() || value.As(&number) != nil {
		return nil
	}
	return number
}

// rounded saturates at the ends of int64.
func rounded(number *big.Float) int64 {
	half := big.NewFloat(0.5)
	if number.Signbit() {
		half.Neg(half)
	}
	whole, _ := new(big.Float).Add(number, half).Int64()
	return whole
}
