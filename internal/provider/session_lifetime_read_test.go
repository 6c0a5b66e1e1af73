package provider

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
	"github.com/palabra-community/terraform-provider-palabra/internal/sandbox"
)

func TestLifetimeRead_KeepsAtLeastUntil(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		live    time.Duration // the live expiry, relative to the stored one
		want    time.Duration
		warning bool
	}{
		"later":                    {live: time.Hour},
		"same":                     {},
		"earlier within tolerance": {live: -time.Minute},
		"earlier":                  {live: -61 * time.Second, want: -61 * time.Second, warning: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := givenLifetime(7200)
			stored := timeOf(model.ExpiresAt)
			_, diags := model.observe(palabra.Session{ID: "a.session", ExpiresAt: stored.Add(test.live), ServerTime: epoch}, lifetimeNote{})
			if want := stored.Add(test.want); !timeOf(model.ExpiresAt).Equal(want) {
				t.Errorf("expires_at: %s, want %s", model.ExpiresAt, want)
			}
			if got := diags.WarningsCount() == 1; got != test.warning || diags.HasError() {
				t.Errorf("diagnostics: %v, want a warning: %t", diags, test.warning)
			}
		})
	}
}

func TestLifetimeRead_PastExpiryChangesNothingAboutActive(t *testing.T) {
	t.Parallel()
	for _, active := range []types.Bool{types.BoolValue(true), types.BoolValue(false), types.BoolNull()} {
		for _, past := range []time.Duration{0, time.Second} {
			model := givenLifetime(7200)
			model.Active = active
			model.observe(palabra.Session{ID: "a.session", ExpiresAt: epoch, ServerTime: epoch.Add(past)}, lifetimeNote{})
			if got, want := model.Active.ValueBool(), active.IsNull() || active.ValueBool(); got != want {
				t.Errorf("active: %t, want %t", got, want)
			}
		}
	}
}

// A page may be stale, so it only confirms what is known.
func TestLifetimeRead_PageOnlyConfirms(t *testing.T) {
	t.Parallel()
	box := sandbox.New(sandbox.Options{Now: func() time.Time { return epoch }})
	box.Put(sandbox.Session{ID: "a.session", CreatedAt: epoch, ExpiresAt: epoch.Add(2 * time.Hour)})
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	client, err := palabra.New(palabra.Config{Endpoint: server.URL, APIKey: sandbox.DefaultAPIKey, BulkRead: true})
	if err != nil {
		t.Fatal(err)
	}
	client.Prime(t.Context())
	d := newProviderData()
	d.client = client
	for name, test := range map[string]struct {
		change   func(*lifetimeModel)
		instance string
		want     bool
	}{
		"as known":     {func(*lifetimeModel) {}, "i", true},
		"later":        {func(m *lifetimeModel) { m.ExpiresAt = timestamp(epoch.Add(time.Hour)) }, "i", true},
		"earlier":      {func(m *lifetimeModel) { m.ExpiresAt = timestamp(epoch.Add(3 * time.Hour)) }, "i", false},
		"no expiry":    {func(m *lifetimeModel) { m.ExpiresAt = timestamp(time.Time{}) }, "i", false},
		"ended before": {func(m *lifetimeModel) { m.Active = types.BoolValue(false) }, "i", false},
		"first read":   {func(*lifetimeModel) {}, "", false},
	} {
		model := givenLifetime(7200)
		test.change(&model)
		if session, err := d.read(t.Context(), model, lifetimeNote{Instance: test.instance}); err != nil || session.Listed != test.want {
			t.Errorf("%s: from a page: %t, want %t; %v", name, session.Listed, test.want, err)
		}
	}
}

func TestLifetimeImport_DerivesTheLifetime(t *testing.T) {
	t.Parallel()
	farAway := time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	for name, test := range map[string]struct {
		session palabra.Session
		want    wholeNumber
	}{
		"since the last change": {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, newWholeNumber(7200)},
		"since creation":        {palabra.Session{CreatedAt: epoch, ExpiresAt: epoch.Add(3 * time.Hour)}, newWholeNumber(10800)},
		"updated after the end": {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(4 * time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, newWholeNumber(10800)},
		"updated at the end":    {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch.Add(3 * time.Hour), ExpiresAt: epoch.Add(3 * time.Hour)}, newWholeNumber(10800)},
		"no timestamps but one": {palabra.Session{ServerTime: epoch, ExpiresAt: epoch.Add(time.Hour)}, newWholeNumber(3600)},
		"the year 9999":         {palabra.Session{UpdatedAt: epoch, ExpiresAt: farAway}, newWholeNumber(maxTTLSeconds)},
		"no expiry":             {palabra.Session{CreatedAt: epoch, UpdatedAt: epoch}, nullWholeNumber()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var model lifetimeModel
			model.observe(test.session, lifetimeNote{})
			if !model.TTLSeconds.Equal(test.want) {
				t.Errorf("ttl_seconds: %s, want %s", model.TTLSeconds, test.want)
			}
			if !model.DeleteOnDestroy.ValueBool() || !model.Active.ValueBool() {
				t.Errorf("delete_on_destroy %s, active %s; want the defaults", model.DeleteOnDestroy, model.Active)
			}
		})
	}
}

func TestLifetimeImport_KeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	model := lifetimeModel{TTLSeconds: newWholeNumber(60), DeleteOnDestroy: types.BoolValue(false)}
	model.observe(palabra.Session{CreatedAt: epoch, ExpiresAt: epoch.Add(time.Hour)}, lifetimeNote{})
	if model.TTLSeconds.ValueInt64() != 60 || model.DeleteOnDestroy.ValueBool() || !timeOf(model.ExpiresAt).Equal(epoch.Add(time.Hour)) {
		t.Errorf("%+v", model)
	}
}
