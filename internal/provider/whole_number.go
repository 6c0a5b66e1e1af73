package provider

import (
	"context"
	"fmt"
	"math"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var (
	_ basetypes.Int64Typable      = wholeNumberType{}
	_ basetypes.Int64Valuable     = wholeNumber{}
	_ xattr.ValidateableAttribute = wholeNumber{}
)

// wholeNumberType is the type of every number argument. Engines calculate with
// binary fractions, so 0.7 * 24 * 3600 is not exactly 60480. For such a value, as
// for every fraction, the framework's own type reports a bug in the provider.
type wholeNumberType struct {
	basetypes.Int64Type
}

// wholeNumber is an int64. It keeps the number that it was rounded from, because
// engines expect to get back exactly what is configured.
type wholeNumber struct {
	types.Int64
	given *big.Float // nil if the int64 is exact
}

// calculationError is the largest distance from a whole number that counts as an
// error of calculation.
var calculationError = big.NewFloat(1e-9)

func newWholeNumber(value int64) wholeNumber { return wholeNumber{Int64: types.Int64Value(value)} }

func unknownWholeNumber() wholeNumber { return wholeNumber{Int64: types.Int64Unknown()} }

func nullWholeNumber() wholeNumber { return wholeNumber{Int64: types.Int64Null()} }

func (wholeNumberType) Equal(other attr.Type) bool {
	_, same := other.(wholeNumberType)
	return same
}

func (wholeNumberType) String() string { return "provider.wholeNumberType" }

func (wholeNumberType) ValueType(context.Context) attr.Value { return wholeNumber{} }

// Validate skips the checks of Int64Type; ValidateAttribute makes them.
func (wholeNumberType) Validate(context.Context, tftypes.Value, path.Path) diag.Diagnostics {
	return nil
}

func (wholeNumberType) ValueFromInt64(_ context.Context, value basetypes.Int64Value) (basetypes.Int64Valuable, diag.Diagnostics) {
	return wholeNumber{Int64: value}, nil
}

// ValueFromTerraform accepts every number; ValidateAttribute refuses fractions.
func (wholeNumberType) ValueFromTerraform(_ context.Context, in tftypes.Value) (attr.Value, error) {
	switch {
	case !in.IsKnown():
		return unknownWholeNumber(), nil
	case in.IsNull():
		return nullWholeNumber(), nil
	}
	var given *big.Float
	if err := in.As(&given); err != nil {
		return nil, fmt.Errorf("read a number: %w", err)
	}
	if exact, accuracy := given.Int64(); accuracy == big.Exact {
		return newWholeNumber(exact), nil
	}
	near, _ := given.Float64()
	return wholeNumber{Int64: types.Int64Value(int64(math.Round(near))), given: given}, nil
}

// ValidateAttribute reports a number that is not whole.
func (n wholeNumber) ValidateAttribute(_ context.Context, req xattr.ValidateAttributeRequest, resp *xattr.ValidateAttributeResponse) {
	if n.given == nil {
		return
	}
	off := new(big.Float).Sub(n.given, new(big.Float).SetInt64(n.ValueInt64()))
	switch {
	case off.Abs(off).Cmp(calculationError) <= 0:
	case n.given.IsInt():
		resp.Diagnostics.AddAttributeError(req.Path, "Number too large", fmt.Sprintf("The value is %s, which does not fit into 64 bits.", n.given.Text('g', 6)))
	default:
		resp.Diagnostics.AddAttributeError(req.Path, "Not a whole number",
			fmt.Sprintf("The value is about %s. The API accepts only whole numbers: round it, for example with floor().", n.given.Text('g', 10)))
	}
}

func (n wholeNumber) Type(context.Context) attr.Type { return wholeNumberType{} }

// Equal compares what is configured; orPrior compares what is sent.
func (n wholeNumber) Equal(other attr.Value) bool {
	o, same := other.(wholeNumber)
	if !same || !n.Int64.Equal(o.Int64) || (n.given == nil) != (o.given == nil) {
		return false
	}
	return n.given == nil || n.given.Cmp(o.given) == 0
}

// orPrior returns the value in the state if this one rounds to the same.
func (n wholeNumber) orPrior(prior wholeNumber) wholeNumber {
	if n.Int64.Equal(prior.Int64) {
		return prior
	}
	return n
}

func (n wholeNumber) ToTerraformValue(ctx context.Context) (tftypes.Value, error) {
	if n.given == nil {
		return n.Int64.ToTerraformValue(ctx)
	}
	if err := tftypes.ValidateValue(tftypes.Number, n.given); err != nil {
		return tftypes.Value{}, fmt.Errorf("hand back a number: %w", err)
	}
	return tftypes.NewValue(tftypes.Number, n.given), nil
}
