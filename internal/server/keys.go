package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/settings"
	"countersign/internal/flow"
)

// sentinel is a text that is sealed into each database once. It opens only with the keys that sealed everything else
// there, so it shows whether a master key belongs to a database.
const sentinel = "countersign sentinel 1"

// ErrWrongKey reports a master key file that does not belong to this database.
var ErrWrongKey = errors.New("the master key does not belong to this database; put the right master key file in place (it was made when the database was)")

// ErrKeyMissing reports a database with secrets and no master key file.
var ErrKeyMissing = errors.New("the master key file is missing and the database already holds secrets; restore the file from your backup, a new key cannot open them")

// ErrNotSetUp reports an empty database without a master key file: init has not been run.
var ErrNotSetUp = errors.New("nothing is set up here yet; run: countersign init")

// ErrOtherDatabase reports an empty database although there is a master key, which belongs to another one. The error
// goes away when that database is restored. The server must not use the empty one: it would know no application.
var ErrOtherDatabase = errors.New("this database is empty, but the master key was made for one with applications and people; restore the backup or correct database.url (only to begin anew with nothing: countersign init)")

// OpenKeys loads the master keys at path and checks that they belong to the database. It creates and changes nothing.
// Errors: ErrWrongKey, ErrKeyMissing, ErrNotSetUp, ErrOtherDatabase, secret.ErrFile and those of the database.
func OpenKeys(ctx context.Context, db flow.DB, path string) (*secret.Keyring, error) {
	stored, err := sealedBefore(ctx, db)
	if err != nil {
		return nil, err
	}
	keys, err := secret.Load(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, keyless(path, stored)
	case err != nil:
		return nil, err
	case stored == nil:
		return nil, fmt.Errorf("%s: %w", path, ErrOtherDatabase)
	}
	return keys, checkKeys(keys, stored, path)
}

// MakeKeys is OpenKeys for an instance that may be new. For an empty database it seals the sentinel with the key at
// path, which it creates when there is none. Nothing else creates a master key.
func MakeKeys(ctx context.Context, db flow.DB, path string) (*secret.Keyring, error) {
	keys, err := OpenKeys(ctx, db, path)
	switch {
	case errors.Is(err, ErrNotSetUp):
		if keys, err = secret.Create(path); err != nil {
			return nil, fmt.Errorf("make the master key: %w", err)
		}
	case errors.Is(err, ErrOtherDatabase):
		if keys, err = secret.Load(path); err != nil {
			return nil, err
		}
	default:
		return keys, err
	}
	stored, err := keepSecret(ctx, db, settings.SecretSentinel, keys.Seal(settings.SecretPurpose, settings.SecretSentinel, []byte(sentinel)))
	if err != nil {
		return nil, err
	}
	return keys, checkKeys(keys, stored, path)
}

// SetUp reports whether a database, which has its schema, belongs to a master key already.
func SetUp(ctx context.Context, db flow.DB) (bool, error) {
	stored, err := sealedBefore(ctx, db)
	return stored != nil, err
}

// keyless returns the error for a missing master key file: ErrKeyMissing when the database has a sentinel, and
// ErrNotSetUp when not.
func keyless(path string, stored []byte) error {
	if stored != nil {
		return fmt.Errorf("%s: %w", path, ErrKeyMissing)
	}
	return fmt.Errorf("%s: %w", path, ErrNotSetUp)
}

// checkKeys returns ErrWrongKey unless the keys open the sentinel.
func checkKeys(keys *secret.Keyring, stored []byte, path string) error {
	plain, err := keys.Open(settings.SecretPurpose, settings.SecretSentinel, stored)
	if err != nil || string(plain) != sentinel {
		return fmt.Errorf("%s: %w", path, ErrWrongKey)
	}
	return nil
}

// errTaken rolls back the database transaction of sealedBefore.
var errTaken = errors.New("looked")

// sealedBefore returns the sealed sentinel of the database, or nil when there is none yet. It writes a value that is
// kept only when there is no sentinel, and rolls that back, so that the store needs no second method to read one.
func sealedBefore(ctx context.Context, db flow.DB) (stored []byte, err error) {
	mine := []byte("looking")
	err = db.Write(ctx, func(st flow.Store) (err error) {
		if stored, err = st.KeepSecret(ctx, settings.SecretSentinel, mine); err != nil {
			return err
		}
		return errTaken
	})
	if !errors.Is(err, errTaken) {
		return nil, err
	}
	if bytes.Equal(stored, mine) {
		return nil, nil
	}
	return stored, nil
}

// keepSecret stores sealed under name unless there is a value already, and returns the stored one.
func keepSecret(ctx context.Context, db flow.DB, name string, sealed []byte) (stored []byte, err error) {
	err = db.Write(ctx, func(st flow.Store) (err error) {
		stored, err = st.KeepSecret(ctx, name, sealed)
		return err
	})
	return stored, err
}

// instanceSecret returns the instance's secret called name. When there is none yet, it stores one that fresh makes.
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

// doorKeys are what a door has of the keyring: digests for its own purposes, and the secrets that doors share with
// applications. What belongs to a person it cannot open, and it cannot make a grant.
type doorKeys struct {
	all     *secret.Keyring
	digests []string // the purposes of this door
}

// Digest panics for a purpose that is not the door's: which it asks for stands in its code and follows from no input.
func (k doorKeys) Digest(purpose, text string) []byte {
	if !slices.Contains(k.digests, purpose) {
		panic("server: a door wants a digest for " + purpose)
	}
	return k.all.Digest(purpose, text)
}

func (k doorKeys) Open(purpose, row string, sealed []byte) ([]byte, error) {
	if purpose != application.SecretPurpose {
		return nil, secret.ErrUnsealable
	}
	return k.all.Open(purpose, row, sealed)
}
