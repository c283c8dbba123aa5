package server

import (
	"errors"
	"testing"

	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/settings"
)

func TestADoorOpensTheSecretsOfApplicationsAndNothingElse(t *testing.T) {
	keys := doorKeys{secret.Generate()}
	for purpose, want := range map[string]error{application.SecretPurpose: nil, settings.SecretPurpose: secret.ErrUnsealable} {
		if plain, err := keys.Open(purpose, "row", keys.all.Seal(purpose, "row", []byte("x"))); !errors.Is(err, want) || (err == nil) != (string(plain) == "x") {
			t.Errorf("%s: %q, %v", purpose, plain, err)
		}
	}
}
