package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"countersign/internal/base/secret"
	"countersign/internal/domain/settings"
	"countersign/internal/flow"
)

// sentinel is sealed once into each database; it opens only with the keys that sealed the rest.
const sentinel = "countersign sentinel 1"

// ErrWrongKey reports a master key file that is not the one this database was made with.
var ErrWrongKey = errors.New("the master key does not belong to this database; put the right master key file in place (it was made when the database was)")

// ErrKeyMissing reports a database with secrets and no master key file.
var ErrKeyMissing = errors.New("the master key file is missing and the database already holds secrets; restore the file from your backup, a new key cannot open them")

// OpenKeys loads the master keys at path and checks them against the database. An empty database
// without a key file gets a new one; nothing else ever makes a key.
func OpenKeys(ctx context.Context, db flow.DB, path string) (*secret.Keyring, error) {
	keys, err := secret.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		empty, err := holdsNothing(ctx, db)
		if err != nil {
			return nil, err
		}
		if !empty {
			return nil, fmt.Errorf("%s: %w", path, ErrKeyMissing)
		}
		if keys, err = secret.Create(path); err != nil {
			return nil, fmt.Errorf("make the master key: %w", err)
		}
		return keys, checkKeys(ctx, db, keys, path)
	}
	if err != nil {
		return nil, err
	}
	return keys, checkKeys(ctx, db, keys, path)
}

// checkKeys seals the sentinel on first use and opens it ever after.
func checkKeys(ctx context.Context, db flow.DB, keys *secret.Keyring, path string) error {
	stored, err := keepSecret(ctx, db, settings.SecretSentinel, keys.Seal(settings.SecretPurpose, settings.SecretSentinel, []byte(sentinel)))
	if err != nil {
		return err
	}
	plain, err := keys.Open(settings.SecretPurpose, settings.SecretSentinel, stored)
	if err != nil || string(plain) != sentinel {
		return fmt.Errorf("%s: %w", path, ErrWrongKey)
	}
	return nil
}

// errTaken undoes a database transaction whose only purpose was to look.
var errTaken = errors.New("looked")

// holdsNothing reports whether no instance has sealed anything here yet. It asks by trying to
// be first and taking that back, so it needs no second way to read.
func holdsNothing(ctx context.Context, db flow.DB) (bool, error) {
	first := false
	err := db.Write(ctx, func(st flow.Store) error {
		mine := []byte("looking")
		stored, err := st.KeepSecret(ctx, settings.SecretSentinel, mine)
		if err != nil {
			return err
		}
		first = string(stored) == string(mine)
		return errTaken
	})
	if !errors.Is(err, errTaken) {
		return false, err
	}
	return first, nil
}

// keepSecret stores sealed unless there is one, and gives what is stored.
func keepSecret(ctx context.Context, db flow.DB, name string, sealed []byte) (stored []byte, err error) {
	err = db.Write(ctx, func(st flow.Store) (err error) {
		stored, err = st.KeepSecret(ctx, name, sealed)
		return err
	})
	return stored, err
}

// instanceSecret gives the secret called name, made by fresh when there is none yet.
func instanceSecret(ctx context.Context, db flow.DB, keys *secret.Keyring, name string, fresh func() ([]byte, error)) ([]byte, error) {
	plain, err := fresh()
	if err != nil {
		return nil, err
	}
	stored, err := keepSecret(ctx, db, name, keys.Seal(settings.SecretPurpose, name, plain))
	if err != nil {
		return nil, err
	}
	return keys.Open(settings.SecretPurpose, name, stored)
}
