package provider

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

const (
	idPrefixDescription      = "Keep only sessions whose id starts with this."
	createdBeforeDescription = "Keep only sessions created before this RFC 3339 timestamp."
	createdAfterDescription  = "Keep only sessions created after this RFC 3339 timestamp."
	expiresBeforeDescription = "Keep only sessions that expire before this RFC 3339 timestamp."
	expiresAfterDescription  = "Keep only sessions that expire after this RFC 3339 timestamp."
)

// sessionFilterModel holds the filters of the objects that select sessions. Null
// attributes do not filter.
type sessionFilterModel struct {
	IDPrefix      types.String      `tfsdk:"id_prefix"`
	CreatedBefore timetypes.RFC3339 `tfsdk:"created_before"`
	CreatedAfter  timetypes.RFC3339 `tfsdk:"created_after"`
	ExpiresBefore timetypes.RFC3339 `tfsdk:"expires_before"`
	ExpiresAfter  timetypes.RFC3339 `tfsdk:"expires_after"`
}

// sessionFilter selects the sessions that meet every condition. A session without a
// timestamp meets no condition on that timestamp.
type sessionFilter struct {
	idPrefix string
	// Nil is no condition. The zero time is a condition: nothing is older, so a
	// prune of what is older must delete nothing.
	createdBefore, createdAfter, expiresBefore, expiresAfter *time.Time
}

func (m sessionFilterModel) filter() (sessionFilter, diag.Diagnostics) {
	var diags diag.Diagnostics
	parse := func(value timetypes.RFC3339) *time.Time {
		if value.IsNull() {
			return nil
		}
		t, parseDiags := value.ValueRFC3339Time()
		diags.Append(parseDiags...)
		return &t
	}
	filter := sessionFilter{
		idPrefix:      m.IDPrefix.ValueString(),
		createdBefore: parse(m.CreatedBefore),
		createdAfter:  parse(m.CreatedAfter),
		expiresBefore: parse(m.ExpiresBefore),
		expiresAfter:  parse(m.ExpiresAfter),
	}
	return filter, diags
}

// selectsAll says that no condition is set.
func (f sessionFilter) selectsAll() bool { return f == sessionFilter{} }

func (f sessionFilter) matches(session palabra.Session) bool {
	return strings.HasPrefix(session.ID, f.idPrefix) &&
		isBefore(session.CreatedAt, f.createdBefore) && isAfter(session.CreatedAt, f.createdAfter) &&
		isBefore(session.ExpiresAt, f.expiresBefore) && isAfter(session.ExpiresAt, f.expiresAfter)
}

// String names the conditions, with the names of the attributes.
func (f sessionFilter) String() string {
	var conditions []string
	if f.idPrefix != "" {
		conditions = append(conditions, fmt.Sprintf("id_prefix %q", f.idPrefix))
	}
	for _, condition := range []struct {
		name  string
		limit *time.Time
	}{
		{"created_before", f.createdBefore}, {"created_after", f.createdAfter},
		{"expires_before", f.expiresBefore}, {"expires_after", f.expiresAfter},
	} {
		if condition.limit != nil {
			conditions = append(conditions, condition.name+" "+condition.limit.Format(time.RFC3339))
		}
	}
	return strings.Join(conditions, " and ")
}

func isBefore(t time.Time, limit *time.Time) bool {
	return limit == nil || (!t.IsZero() && t.Before(*limit))
}

func isAfter(t time.Time, limit *time.Time) bool {
	return limit == nil || (!t.IsZero() && t.After(*limit))
}
