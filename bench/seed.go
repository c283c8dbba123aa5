package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/server"
)

// seeds is what the load needs to know of the data.
type seeds struct {
	ClientID string   `json:"client_id"`
	Secret   string   `json:"secret"`
	AuthID   string   `json:"auth_id"` // of the Auth API
	AuthKey  string   `json:"auth_key"`
	Users    []person `json:"users"`   // sign in by code
	Waiting  []person `json:"waiting"` // are asked on their phones
}

// person is a user and all that is on the phone.
type person struct {
	Name    string `json:"name"`
	UserID  string `json:"user_id"`
	PhoneID string `json:"phone_id"`
	OTP     []byte `json:"otp"`
	Key     []byte `json:"key"` // PKCS #8
	next    uint64 // counter of the next code
	answers int64  // counter of the last answer
}

func seedFile(dir string) string { return filepath.Join(dir, "seeds.json") }

// plantSeeds fills an empty database. People are as the product leaves them after pairing; what
// they used last decides which page they meet: the code page, or the page that waits.
func plantSeeds(ctx context.Context, s *server.Server, spec childSpec) error {
	name, spare, off := "Payroll", policy.SpareOff, false
	app, plain, err := s.Directory.AddApplication(ctx, directory.CommandLine, application.TypeWebSDK,
		directory.ApplicationChange{Name: &name, SelfService: &off, Policy: directory.PolicyChange{Spare: &spare}})
	if err != nil {
		return err
	}
	planted := seeds{ClientID: app.ID, Secret: plain.Reveal()}
	name = "Gateway"
	if app, plain, err = s.Directory.AddApplication(ctx, directory.CommandLine, application.TypeAuthAPI, directory.ApplicationChange{Name: &name}); err != nil {
		return err
	}
	planted.AuthID, planted.AuthKey = app.ID, plain.Reveal()
	if planted.Users, err = plantPeople(ctx, s, "user", "code:", spec.Users); err != nil {
		return err
	}
	if planted.Waiting, err = plantPeople(ctx, s, "waiting", "push:", spec.Waiting); err != nil {
		return err
	}
	raw, err := json.Marshal(planted)
	if err != nil {
		return err
	}
	return os.WriteFile(seedFile(spec.Dir), raw, 0o600)
}

func plantPeople(ctx context.Context, s *server.Server, prefix, way string, n int) ([]person, error) {
	all := make([]person, 0, n)
	for len(all) < n {
		some := min(500, n-len(all))
		var group []person
		err := s.DB.Write(ctx, func(st flow.Store) error {
			group = group[:0]
			for i := range some {
				p, err := plantOne(ctx, s, st, fmt.Sprintf("%s%05d", prefix, len(all)+i), way)
				if err != nil {
					return err
				}
				group = append(group, p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, group...)
	}
	return all, nil
}

func plantOne(ctx context.Context, s *server.Server, st flow.Store, name, way string) (person, error) {
	now := time.Now()
	p := person{Name: name, UserID: id.Key(rand.Reader, id.User), PhoneID: id.Key(rand.Reader, id.Phone), OTP: make([]byte, 20)}
	salt := make([]byte, 16)
	_, _ = rand.Read(p.OTP) // never fails
	_, _ = rand.Read(salt)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return p, err
	}
	if p.Key, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return p, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return p, err
	}
	err = st.CreateUser(ctx, user.User{ID: p.UserID, Username: name, Email: name + "@example.edu", Status: user.Active,
		Created: now, FirstEnrolled: now, LastMethod: way + p.PhoneID, Salt: salt})
	if err != nil {
		return p, err
	}
	record := phone.Phone{ID: p.PhoneID, UserID: p.UserID, Name: "Phone of " + name, Platform: "Android", Created: now, Activated: now,
		OTP: phone.OTP{Type: "hotp", Seed: s.Keys.Seal(phone.SeedPurpose, p.PhoneID, p.OTP)}, Alerts: phone.AlertsOff}
	if err := st.CreatePhone(ctx, record); err != nil {
		return p, err
	}
	return p, st.BindKey(ctx, record, phone.Key{ID: phonewire.KeyID(spki), PhoneID: p.PhoneID, UserID: p.UserID, SPKI: spki, State: phone.KeyActive, Created: now})
}
