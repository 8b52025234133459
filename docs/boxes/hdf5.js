// HDF5 for the stand-in of h5py: files in memory, read by the HDF5 library (h5wasm).
"use strict";
/** Return what Python imports as `hdf5`; `python` has the file system with the files. */
globalThis.hdf5For = async (python, createModule) => {
  const library = await createModule({ noInitialRun: true });
  library.activate_throwing_error_handler();
  // Python has None for undefined, and an object for null.
  const told = about => ({ ...about, shape: about.shape ?? undefined });
  let count = 0;

  function open(content) {
    const name = `file-${count += 1}.h5`;
    // The library reads the bytes where they are: a model may be as large as the memory.
    library.FS.createDataFile("/", name, content, true, false, true);
    let file;
    try {
      file = library.open(`/${name}`, library.H5F_ACC_RDONLY, false, -1, -1);
    } catch (fault) {
      library.FS.unlink(`/${name}`);
      throw fault;
    }
    const bytesOf = (about, read) => {
      const size = about.size * about.total_size;
      const place = library._malloc(Math.max(1, size));
      try {
        read(BigInt(place));
        if (!about.vlen) return library.HEAPU8.slice(place, place + size);
        const [start] = new Uint32Array(library.HEAPU8.slice(place, place + 4).buffer);
        return library.HEAPU8.slice(start, library.HEAPU8.indexOf(0, start));
      } finally {
        library._free(place);
      }
    };
    return {
      names: path => Array.from(library.get_names(file, path, false)),
      kind: path => library.get_type(file, path),
      about: path => told(library.get_dataset_metadata(file, path)),
      address: path => {
        const bytes = Uint8Array.from(library.create_object_reference(file, path));
        return Number(new DataView(bytes.buffer).getBigUint64(0, true));
      },
      linkedFile: path => library.get_external_link(file, path).filename,
      numbers: path => bytesOf(library.get_dataset_metadata(file, path),
        place => library.get_dataset_data(file, path, null, null, null, place)),
      attributes: path => Array.from(library.get_attribute_names(file, path)),
      aboutAttribute: (path, name) => told(library.get_attribute_metadata(file, path, name)),
      attribute: (path, name) => bytesOf(library.get_attribute_metadata(file, path, name),
        place => library.get_attribute_data(file, path, name, place)),
      part: (start, size) => content.subarray(start, start + size),
      close() {
        library.close_file(file);
        library.FS.unlink(`/${name}`);
      },
    };
  }

  return {
    openPath: path => {
      const { node } = python.FS.lookupPath(path, { follow: true });
      return open(node.contents.subarray(0, node.usedBytes));
    },
    openBytes: content => {
      const bytes = content.toJs();
      content.destroy?.();
      return open(bytes);
    },
  };
};
