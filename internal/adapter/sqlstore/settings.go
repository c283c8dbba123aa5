package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"

	"countersign/internal/domain/settings"
)

// memory is what the stores of one database share. It keeps what the last settings text decoded to: the
// text is read afresh each time, only the decoding is saved, so nodes never disagree.
type memory struct {
	settings atomic.Pointer[decodedSettings]
	logged   atomic.Int64 // rows logged by this process: the order of those of one moment
}

type decodedSettings struct {
	text     string
	settings settings.Settings
}

var (
	settingsBody = single[string]("body")
	sealedSecret = single[[]byte]("sealed")
)

func (s *store) LoadSettings(ctx context.Context) (settings.Settings, error) {
	const q = `SELECT body FROM organization_settings WHERE one = 1`
	text, _, err := found(one(ctx, s.run, errNone, settingsBody, q))
	if err != nil {
		return settings.Settings{}, err
	}
	return s.decodeSettings(text)
}

// LockSettings needs no lock of the row, which may not be there yet: whoever changes settings is alone.
func (s *store) LockSettings(ctx context.Context) (settings.Settings, error) {
	if err := s.run.Alone(ctx); err != nil {
		return settings.Settings{}, err
	}
	return s.LoadSettings(ctx)
}

// decodeSettings decodes a settings text unless it is the one decoded last.
func (s *store) decodeSettings(text string) (settings.Settings, error) {
	d := s.memory.settings.Load()
	if d == nil || d.text != text {
		d = &decodedSettings{text: text}
		if text != "" {
			if err := json.Unmarshal([]byte(text), &d.settings); err != nil {
				return settings.Settings{}, fmt.Errorf("stored settings: %w", err)
			}
		}
		d.settings = d.settings.WithDefaults()
		s.memory.settings.Store(d)
	}
	v := d.settings
	v.Policy.Methods = slices.Clone(v.Policy.Methods) // callers may change what they got
	return v, nil
}

func (s *store) SaveSettings(ctx context.Context, v settings.Settings) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	const q = `INSERT INTO organization_settings (one, body) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET body = excluded.body`
	return s.queue(ctx, q, string(b))
}

func (s *store) KeepSecret(ctx context.Context, name string, sealed []byte) ([]byte, error) {
	const insert = `INSERT INTO instance_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	if err := s.queue(ctx, insert, name, sealed); err != nil {
		return nil, err
	}
	const q = `SELECT sealed FROM instance_secrets WHERE name = $1`
	return one(ctx, s.run, errNone, sealedSecret, q, name)
}
