package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAMasterKeyFileIsMadeWholeAndOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "master.key")
	made, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o400 {
		t.Fatalf("%v %v", info, err)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Fatalf("left over: %v %v", list, err)
	}
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := loaded.Open("p", "r", made.Seal("p", "r", []byte("text"))); err != nil || string(plain) != "text" {
		t.Fatalf("%q %v", plain, err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second time: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was touched: %v", err)
	}
}

func TestWhatIsNoMasterKeyFileIsSaidSoWithoutItsContent(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"empty": "", "text": "SWORDFISH", "other": `{"a":1}`, "short": `{"current":1,"keys":{"1":"U1dPUkRGSVNI"}}`,
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o400); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "SWORDFISH") || strings.Contains(err.Error(), "U1dP") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(dir); !errors.Is(err, ErrFile) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}
