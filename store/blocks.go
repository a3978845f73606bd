package store

import (
	"errors"
	"sync"
	"syscall"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/ncruces/go-sqlite3/vfs/adiantum"
)

// Adiantum enciphers blocks of 4096 bytes, and the frames of a write-ahead log begin anywhere in one. So to append a frame it writes
// once more the block in which the frame before it ends; and whoever reads that frame at this moment may get half of the old block and half of the
// new one, which decipher to noise in all of it: "database disk image is malformed", or a wrong value without a word. blocks stands
// below Adiantum and lets nobody read a file of the database while a block of it is written.
type blocks struct {
	vfs.VFS
	mu    sync.Mutex
	files map[string]*blockLock // by path, of those that are open; guarded by mu
}

type blockLock struct {
	sync.RWMutex
	open int // guarded by blocks.mu
}

// encrypted is the name of the file system of all SQLite databases. It is never unregistered: database/sql may close a connection after the
// pool, and SQLite, which then removes the log, panics where the name is gone.
var encrypted = sync.OnceValue(func() string {
	const name = "chancery"
	vfs.Register(name, adiantum.Wrap(&blocks{VFS: vfs.Find(""), files: map[string]*blockLock{}}, nil))
	return name
})

// lock gives the lock of a file, shared by all who have it open in this process; no other process has it.
func (b *blocks) lock(path string) *blockLock {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.files[path] == nil {
		b.files[path] = &blockLock{}
	}
	b.files[path].open++
	return b.files[path]
}

func (b *blocks) unlock(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.files[path].open--; b.files[path].open == 0 {
		delete(b.files, path)
	}
}

// Open opens a file without a name of the caller's: it has no other reader.
func (b *blocks) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	return b.VFS.Open(name, flags)
}

// OpenFilename opens a file whose blocks are written whole.
func (b *blocks) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(b.VFS, name, flags)
	if err != nil || name == nil || flags&(vfs.OPEN_MEMORY|vfs.OPEN_TEMP_DB|vfs.OPEN_TRANSIENT_DB) != 0 {
		return f, flags, err
	}
	path := name.String()
	return &blockFile{File: f, mu: b.lock(path), close: sync.OnceFunc(func() { b.unlock(path) })}, flags, nil
}

// blockFile is a file of the database. What it does not do itself is the file's below it.
type blockFile struct {
	vfs.File
	mu    *blockLock
	close func()
}

func (f *blockFile) Close() error {
	f.close()
	return f.File.Close()
}

func (f *blockFile) ReadAt(p []byte, off int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.File.ReadAt(p, off)
}

func (f *blockFile) WriteAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.File.WriteAt(p, off)
	if errors.Is(err, syscall.ENOSPC) { // the library knows it only without its path
		err = sqlite3.FULL
	}
	return n, err
}

func (f *blockFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.File.Truncate(size)
}

func (f *blockFile) Unwrap() vfs.File                { return f.File }
func (f *blockFile) SharedMemory() vfs.SharedMemory  { return vfsutil.WrapSharedMemory(f.File) }
func (f *blockFile) LockState() vfs.LockLevel        { return vfsutil.WrapLockState(f.File) }
func (f *blockFile) PersistWAL() bool                { return vfsutil.WrapPersistWAL(f.File) }
func (f *blockFile) SetPersistWAL(keep bool)         { vfsutil.WrapSetPersistWAL(f.File, keep) }
func (f *blockFile) HasMoved() (bool, error)         { return vfsutil.WrapHasMoved(f.File) }
func (f *blockFile) Overwrite() error                { return vfsutil.WrapOverwrite(f.File) }
func (f *blockFile) SyncSuper(super string) error    { return vfsutil.WrapSyncSuper(f.File, super) }
func (f *blockFile) CommitPhaseTwo() error           { return vfsutil.WrapCommitPhaseTwo(f.File) }
func (f *blockFile) ChunkSize(size int)              { vfsutil.WrapChunkSize(f.File, size) }
func (f *blockFile) SizeHint(size int64) error       { return vfsutil.WrapSizeHint(f.File, size) }
func (f *blockFile) CheckpointStart()                { vfsutil.WrapCheckpointStart(f.File) }
func (f *blockFile) CheckpointDone()                 { vfsutil.WrapCheckpointDone(f.File) }
func (f *blockFile) BusyHandler(handler func() bool) { vfsutil.WrapBusyHandler(f.File, handler) }
