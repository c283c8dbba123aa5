package server

import (
	"errors"
	"testing"

	"countersign/internal/api/attempt"
	"countersign/internal/api/oidc"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/settings"
)

func TestADoorOpensTheSecretsOfApplicationsAndNothingElse(t *testing.T) {
	keys := doorKeys{all: secret.Generate()}
	for purpose, want := range map[string]error{application.SecretPurpose: nil, settings.SecretPurpose: secret.ErrUnsealable} {
		if plain, err := keys.Open(purpose, "row", keys.all.Seal(purpose, "row", []byte("x"))); !errors.Is(err, want) || (err == nil) != (string(plain) == "x") {
			t.Errorf("%s: %q, %v", purpose, plain, err)
		}
	}
}

// A grant is a digest: a door that could make any would let in whom it likes.
func TestADoorMakesDigestsForItsOwnPurposesAndNoOther(t *testing.T) {
	all := secret.Generate()
	for _, door := range [][]string{oidc.Digests, attempt.Digests, nil} {
		keys := doorKeys{all, door}
		for _, purpose := range door {
			if string(keys.Digest(purpose, "x")) != string(all.Digest(purpose, "x")) {
				t.Errorf("%s: another digest than the keyring's", purpose)
			}
		}
		for _, purpose := range []string{"login-ticket-value", login.GrantPurpose, login.CookiePurpose, "form-token", ""} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("a door of %q made a digest for %q", door, purpose)
					}
				}()
				keys.Digest(purpose, "x")
			}()
		}
	}
}
