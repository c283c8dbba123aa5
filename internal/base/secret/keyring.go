package secret

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/argon2"
)

// ErrUnsealable reports a sealed value that does not open: the key is another one, or the value was changed or
// moved to another row.
var ErrUnsealable = errors.New("sealed value does not open with this keyring")

// Keyring holds the master keys. They are kept in a file outside the database (mode 0400). The file may hold
// several keys: the current one seals, and each of them opens what it has sealed. A Keyring is safe for
// concurrent use.
type Keyring struct {
	current byte
	keys    map[byte]*masterKey
	slow    chan struct{} // bounds concurrent Argon2id work, 19 MiB each
}

type masterKey struct {
	root    []byte
	mu      sync.RWMutex
	derived map[string][]byte
	aeads   map[string]cipher.AEAD
	macs    sync.Map // purpose -> *sync.Pool of hash.Hash
}

type keyringFile struct {
	Current byte            `json:"current"`
	Keys    map[byte]string `json:"keys"` // id -> base64 of 32 bytes
}

// Generate makes a keyring with one new key, in memory only. It panics when the system has no randomness.
func Generate() *Keyring {
	root := make([]byte, 32)
	if _, err := rand.Read(root); err != nil {
		panic(err)
	}
	return newKeyring(1, map[byte][]byte{1: root})
}

func newKeyring(current byte, roots map[byte][]byte) *Keyring {
	k := &Keyring{current: current, keys: map[byte]*masterKey{}, slow: make(chan struct{}, 4)}
	for id, root := range roots {
		k.keys[id] = &masterKey{root: root, derived: map[string][]byte{}, aeads: map[string]cipher.AEAD{}}
	}
	return k
}

// ErrFile reports a file that holds no master key.
var ErrFile = errors.New("this is not a master key file; restore it from your backup")

// Load reads a keyring file. The error is fs.ErrNotExist when there is none and ErrFile when it is another
// kind of file. No error quotes the content.
func Load(path string) (*Keyring, error) {
	raw, err := os.ReadFile(path)
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: %w (it is a folder)", path, ErrFile)
	}
	if err != nil {
		return nil, err
	}
	var f keyringFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("%s: %w (%d bytes, not JSON)", path, ErrFile, len(raw))
	}
	roots := map[byte][]byte{}
	for id, text := range f.Keys {
		root, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(root) != 32 {
			return nil, fmt.Errorf("%s: %w (key %d is not 32 bytes of base64)", path, ErrFile, id)
		}
		roots[id] = root
	}
	if roots[f.Current] == nil {
		return nil, fmt.Errorf("%s: %w (its current key %d is missing)", path, ErrFile, f.Current)
	}
	return newKeyring(f.Current, roots), nil
}

// Create writes a new keyring file (mode 0400, synced to disk) and its folder (mode 0700) where that is missing.
// The error is fs.ErrExist when the file exists; it is not touched. A crash leaves the whole file or none.
func Create(path string) (*Keyring, error) {
	k := Generate()
	f := keyringFile{Current: k.current, Keys: map[byte]string{}}
	for id, key := range k.keys {
		f.Keys[id] = base64.StdEncoding.EncodeToString(key.root)
	}
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := place(path, append(raw, '\n')); err != nil {
		return nil, err
	}
	return k, nil
}

// place creates a file with its whole content in one step: it writes a temporary file and links it. The error
// is fs.ErrExist when the file exists.
func place(path string, content []byte) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name()) // after a rename it is gone already
	_, err = fresh.Write(content)
	if err = errors.Join(err, fresh.Chmod(0o400), fresh.Sync(), fresh.Close()); err != nil {
		return err
	}
	if err = os.Link(fresh.Name(), path); errors.Is(err, fs.ErrExist) {
		return err
	}
	if err != nil { // the file system has no hard links
		if _, there := os.Lstat(path); !errors.Is(there, fs.ErrNotExist) {
			return err
		}
		if err = os.Rename(fresh.Name(), path); err != nil {
			return err
		}
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync() // the directory entry must survive a power cut too
}

// Seal encrypts plain with AES-256-GCM for one purpose ("application-secret") and one row (its primary key).
// The result is the key id (1 byte), the nonce (12 bytes) and the ciphertext with its tag.
func (k *Keyring) Seal(purpose, row string, plain []byte) []byte {
	aead := k.keys[k.current].aead(purpose)
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(plain)+aead.Overhead())
	out[0] = k.current
	if _, err := rand.Read(out[1:]); err != nil {
		panic(err)
	}
	return aead.Seal(out, out[1:1+aead.NonceSize()], plain, associated(purpose, row))
}

// Open decrypts what Seal made for the same purpose and row. The error is ErrUnsealable.
func (k *Keyring) Open(purpose, row string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1 || k.keys[sealed[0]] == nil {
		return nil, ErrUnsealable
	}
	aead := k.keys[sealed[0]].aead(purpose)
	if len(sealed) < 1+aead.NonceSize() {
		return nil, ErrUnsealable
	}
	nonce, body := sealed[1:1+aead.NonceSize()], sealed[1+aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, body, associated(purpose, row))
	if err != nil {
		return nil, ErrUnsealable
	}
	return plain, nil
}

// associated builds the associated data. The lengths make sure that no two pairs share one encoding.
func associated(purpose, row string) []byte {
	return fmt.Appendf(nil, "%d:%s%d:%s", len(purpose), purpose, len(row), row)
}

// Digest is the keyed fingerprint (HMAC-SHA-256, 32 bytes) under which the database keeps an unguessable
// token. purpose is the kind of token: the same token has another digest for another purpose.
func (k *Keyring) Digest(purpose, token string) []byte {
	key := k.keys[k.oldest()]
	pool, _ := key.macs.LoadOrStore(purpose, &sync.Pool{New: func() any {
		return hmac.New(sha256.New, key.derive("digest|"+purpose))
	}})
	mac := pool.(*sync.Pool).Get().(hash.Hash)
	defer pool.(*sync.Pool).Put(mac)
	mac.Reset()
	mac.Write([]byte(token))
	return mac.Sum(nil)
}

// oldest picks the key for digests. It stays the same when a newer sealing key is added, so digests do too.
func (k *Keyring) oldest() byte {
	lowest := k.current
	for id := range k.keys {
		lowest = min(lowest, id)
	}
	return lowest
}

// SlowDigest is Argon2id (2 passes, 19 MiB, 32 bytes of output) over the peppered code, for short codes that
// people type. salt is one per user and at least 8 bytes. At most four calls work at a time; the others wait.
// A caller whose ctx ends while it waits gets the error of ctx, and no work is done for it.
func (k *Keyring) SlowDigest(ctx context.Context, purpose string, salt []byte, code string) ([]byte, error) {
	select {
	case k.slow <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-k.slow }()
	if err := ctx.Err(); err != nil { // select picks either case when both are ready
		return nil, err
	}
	return argon2.IDKey(k.Digest("pepper|"+purpose, code), salt, 2, 19*1024, 1, 32), nil
}

func (m *masterKey) derive(info string) []byte {
	m.mu.RLock()
	key := m.derived[info]
	m.mu.RUnlock()
	if key != nil {
		return key
	}
	key, err := hkdf.Key(sha256.New, m.root, nil, "countersign|"+info, 32)
	if err != nil {
		panic(err)
	}
	m.mu.Lock()
	m.derived[info] = key
	m.mu.Unlock()
	return key
}

func (m *masterKey) aead(purpose string) cipher.AEAD {
	m.mu.RLock()
	aead := m.aeads[purpose]
	m.mu.RUnlock()
	if aead != nil {
		return aead
	}
	block, err := aes.NewCipher(m.derive("seal|" + purpose))
	if err != nil {
		panic(err)
	}
	aead, err = cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	m.mu.Lock()
	m.aeads[purpose] = aead
	m.mu.Unlock()
	return aead
}
