// Ways in: choose a file, drop a picture or a model folder, paste.
import { byId } from "./dom.ts";
import type { Viewer } from "./picture.ts";

/**
 * @param viewer takes pictures
 * @param takeFolder takes the files of a model folder that was dropped, and its name
 */
export function takeFiles(viewer: Viewer, takeFolder: (files: File[], name: string) => void): void {
  const input = byId("file", HTMLInputElement);
  byId("choose", HTMLButtonElement).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file) void viewer.show(file);
    // So that the same file can be chosen again.
    input.value = "";
  });

  addEventListener("paste", ({ clipboardData }) => {
    const file = [...(clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (file) void viewer.show(file, { alt: "The picture that you have pasted" });
  });

  for (const type of ["dragenter", "dragover", "dragleave", "drop"] as const) {
    addEventListener(type, (event) => {
      event.preventDefault();
      viewer.over = type === "dragenter" || type === "dragover";
      if (type === "drop" && event.dataTransfer) void dropped(event.dataTransfer, viewer, takeFolder);
    });
  }
}

async function dropped(data: DataTransfer, viewer: Viewer, takeFolder: (files: File[], name: string) => void): Promise<void> {
  // Both lists are empty once the event is over.
  const files = [...data.files];
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const folder = entries.find(isFolder);
  if (folder) return takeFolder(await filesIn(folder), folder.name);
  if (files.some(({ name }) => name === "config.json")) return takeFolder(files, "your model");
  if (files[0]) await viewer.show(files[0]);
}

// Browsers know these classes, but not all of them by name.
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;

/** The files of a folder, not of the folders in it: a model lies flat. */
async function filesIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const files: File[] = [];
  for (;;) {
    // A reader gives a hundred at a time, and in the end none.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return files;
    for (const entry of some) {
      if (isFile(entry)) files.push(await new Promise<File>((resolve, reject) => entry.file(resolve, reject)));
    }
  }
}
