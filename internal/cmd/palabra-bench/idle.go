package main

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/palabra-community/terraform-provider-palabra/internal/provider"
)

// startedByEngine says whether this process is to be a provider.
func startedByEngine() bool { return os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "" }

// serveIdle is the provider of the idle variant: the palabra provider's schema,
// behind which nothing happens.
func serveIdle(ctx context.Context) error {
	if err := provider.LimitSDKLog(os.Getenv, os.Setenv); err != nil {
		return err
	}
	server := providerserver.NewProtocol6(provider.New("idle")())()
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return err
	}
	return tf6server.Serve("registry.terraform.io/palabra-community/palabra", func() tfprotov6.ProviderServer {
		return idleServer{server, schemas}
	})
}

type idleServer struct {
	tfprotov6.ProviderServer
	schemas *tfprotov6.GetProviderSchemaResponse
}

func (s idleServer) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return s.schemas, nil
}

func (idleServer) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (idleServer) UpgradeResourceState(_ context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &tfprotov6.DynamicValue{JSON: req.RawState.JSON}}, nil
}

func (idleServer) ReadResource(_ context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, NewIdentity: req.CurrentIdentity, Private: req.Private}, nil
}

func (s idleServer) PlanResourceChange(_ context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	planned := req.ProposedNewState
	isNew, err := req.PriorState.IsNull()
	if err == nil && isNew {
		planned, err = s.fill(req.TypeName, planned, tftypes.UnknownValue, tftypes.UnknownValue)
	}
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: planned, PlannedIdentity: req.PriorIdentity, PlannedPrivate: req.PriorPrivate}, err
}

func (s idleServer) ApplyResourceChange(_ context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	state := req.PlannedState
	isNew, err := req.PriorState.IsNull()
	if err == nil && isNew {
		state, err = s.fill(req.TypeName, state, "2030-01-01T00:00:00Z", false)
	}
	return &tfprotov6.ApplyResourceChangeResponse{NewState: state, NewIdentity: req.PlannedIdentity, Private: req.PlannedPrivate}, err
}

// fill gives the computed attributes of a new instance a value.
func (s idleServer) fill(typeName string, state *tfprotov6.DynamicValue, text, flag any) (*tfprotov6.DynamicValue, error) {
	objectType := s.schemas.ResourceSchemas[typeName].ValueType()
	value, err := state.Unmarshal(objectType)
	if err != nil {
		return nil, err
	}
	filled, err := tftypes.Transform(value, func(at *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		switch name, _ := at.LastStep().(tftypes.AttributeName); name {
		case "id", "expires_at", "renew_at":
			return tftypes.NewValue(tftypes.String, text), nil
		case "active", "delete_on_destroy":
			return tftypes.NewValue(tftypes.Bool, flag), nil
		default:
			return v, nil
		}
	})
	if err != nil {
		return nil, err
	}
	dynamic, err := tfprotov6.NewDynamicValue(objectType, filled)
	return &dynamic, err
}
