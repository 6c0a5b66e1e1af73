package provider

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

func TestProviderLog_BuildsOnlyTheLinesThatAreShown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  []string
		want bool
	}{
		"nothing set":               {nil, false},
		"off":                       {[]string{"TF_LOG", "off"}, false},
		"core only":                 {[]string{"TF_LOG_CORE", "TRACE"}, false},
		"info":                      {[]string{"TF_LOG", "INFO"}, false},
		"debug":                     {[]string{"TF_LOG", "DEBUG"}, true},
		"lower case":                {[]string{"TF_LOG", "debug"}, true},
		"trace":                     {[]string{"TF_LOG", "TRACE"}, true},
		"json":                      {[]string{"TF_LOG", "JSON"}, true},
		"providers only":            {[]string{"TF_LOG_PROVIDER", "DEBUG"}, true},
		"the narrower one counts":   {[]string{"TF_LOG", "TRACE", "TF_LOG_PROVIDER", "ERROR"}, false},
		"the subsystem's own level": {[]string{"TF_LOG", "TRACE", "TF_LOG_PROVIDER_PALABRA_API", "WARN"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logger := newLogger(palabra.Config{}, environment(test.env...))
			if got := logger != nil && logger.Enabled(t.Context(), slog.LevelDebug); got != test.want {
				t.Errorf("DEBUG enabled: %t, want %t", got, test.want)
			}
		})
	}
}

func TestProviderLog_LimitsTheSDKToTheEnginesLevel(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env                   []string
		sdk, proto, framework string
	}{
		"nothing set":             {nil, "OFF", "OFF", "OFF"},
		"core only":               {[]string{"TF_LOG_CORE", "TRACE"}, "OFF", "OFF", "OFF"},
		"everything":              {[]string{"TF_LOG", "debug"}, "debug", "debug", "debug"},
		"the narrower one counts": {[]string{"TF_LOG", "TRACE", "TF_LOG_PROVIDER", "ERROR"}, "ERROR", "ERROR", "ERROR"},
		"the SDK's own level":     {[]string{"TF_LOG", "TRACE", "TF_LOG_SDK", "WARN"}, "WARN", "WARN", "WARN"},
		"a part's own level":      {[]string{"TF_LOG", "WARN", "TF_LOG_SDK_PROTO", "TRACE"}, "WARN", "TRACE", "WARN"},
		"each part's own level":   {[]string{"TF_LOG_SDK", "INFO", "TF_LOG_SDK_FRAMEWORK", "OFF"}, "INFO", "INFO", "OFF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(test.env...)
			set := make(map[string]string)
			getenv := func(key string) string {
				if value, ok := set[key]; ok {
					return value
				}
				return env(key)
			}
			err := LimitSDKLog(getenv, func(key, value string) error { set[key] = value; return nil })
			if err != nil {
				t.Fatal(err)
			}
			for variable, want := range map[string]string{"TF_LOG_SDK": test.sdk, "TF_LOG_SDK_PROTO": test.proto, "TF_LOG_SDK_FRAMEWORK": test.framework} {
				if got := getenv(variable); got != want {
					t.Errorf("%s: %q, want %q", variable, got, want)
				}
			}
		})
	}
}

func TestProviderLog_MasksSecretsInEveryLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ctx := tflogtest.RootLogger(context.Background(), &out)
	config := palabra.Config{ClientSecret: "secret-of-the-pair", APIKey: "plbr_key"}
	logger := newLogger(config, environment("TF_LOG", "TRACE")).With("kept", "with plbr_key")

	logger.DebugContext(ctx, "message with secret-of-the-pair", "path", "/x/secret-of-the-pair", "retry", 2)

	line := out.String()
	for _, want := range []string{`"@module":"provider.palabra_api"`, `"@level":"debug"`, `"retry":"2"`, `"path":"/x/***"`, `"kept":"with ***"`, "message with ***"} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is missing in %s", want, line)
		}
	}
	for _, secret := range []string{config.ClientSecret, config.APIKey} {
		if strings.Contains(line, secret) {
			t.Errorf("%s is in %s", secret, line)
		}
	}
}

func TestProviderLog_KeepsTheLevelOfEachLine(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]string{
		slog.LevelDebug - 4: "trace", slog.LevelDebug: "debug", slog.LevelInfo: "info", slog.LevelWarn: "warn", slog.LevelError: "error",
	} {
		var out bytes.Buffer
		ctx := tflogtest.RootLogger(context.Background(), &out)
		newLogger(palabra.Config{}, environment("TF_LOG", "TRACE")).Log(ctx, level, "a line")
		if line := out.String(); !strings.Contains(line, `"@level":"`+want+`"`) {
			t.Errorf("%s is missing in %q", want, line)
		}
	}
}
