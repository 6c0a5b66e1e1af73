package provider

import (
	"context"
	"log/slog"
	"os"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/palabra-community/terraform-provider-palabra/internal/palabra"
)

// apiSubsystem is the name under which the client's lines appear; its level
// can be set alone with TF_LOG_PROVIDER_PALABRA_API.
const apiSubsystem = "palabra_api"

// newLogger connects the client, which logs with log/slog, to the log that the
// engine collects. With no logging asked for, the client builds no line at all.
func newLogger(config palabra.Config) *slog.Logger {
	for _, variable := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_PROVIDER_PALABRA", "TF_LOG_PROVIDER_PALABRA_API", "TF_ACC_LOG"} {
		if os.Getenv(variable) != "" {
			return slog.New(&tflogHandler{secrets: secretsOf(config)})
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
// secrets; masking is the second lock on the same door.
type tflogHandler struct {
	secrets []string
	attrs   []slog.Attr
}

func (h *tflogHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *tflogHandler) Handle(ctx context.Context, record slog.Record) error {
	ctx = tflog.NewSubsystem(ctx, apiSubsystem, tflog.WithLevelFromEnv("TF_LOG_PROVIDER_PALABRA_API"))
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
	return &tflogHandler{secrets: h.secrets, attrs: append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

// WithGroup keeps the attributes flat: the log's readers filter by plain names.
func (h *tflogHandler) WithGroup(string) slog.Handler { return h }
