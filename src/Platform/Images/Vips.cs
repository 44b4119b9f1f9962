using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Platform.Images;

/// <summary>libvips and the GObject it stands on. Loaded by the first call, and only ever in a process of <see cref="ImageWorker"/>.</summary>
internal static partial class Vips
{
    /// <summary>By its version of the binary interface, so that the development package is not needed. Debian's package is libvips42.</summary>
    internal const string Library = "libvips.so.42";

    /// <summary>Names the file of another libvips, such as a newer one with all it stands on inside.</summary>
    internal const string PathVariable = "LIBVIPS";

    private const string GObject = "libgobject-2.0.so.0";
    private const string Glib = "libglib-2.0.so.0";

    static Vips()
    {
        if (Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } path)
        {
            // What a library depends on is found through it.
            NativeLibrary.SetDllImportResolver(
                typeof(Vips).Assembly, (name, _, _) => name is Library or GObject or Glib ? NativeLibrary.Load(path) : 0);
        }
    }

    [LibraryImport(Library, EntryPoint = "vips_init", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial int Init(string program);

    /// <param name="block">Not zero: only loaders whose authors fuzz them are there, which are those of JPEG, PNG, WebP, GIF, TIFF and HEIF.</param>
    [LibraryImport(Library, EntryPoint = "vips_block_untrusted_set")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void BlockUntrusted(int block);

    [LibraryImport(Library, EntryPoint = "vips_concurrency_set")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void SetConcurrency(int threads);

    /// <param name="most">Operations whose results stay in memory, in case they are asked for again.</param>
    [LibraryImport(Library, EntryPoint = "vips_cache_set_max")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void SetCacheMax(int most);

    [LibraryImport(Library, EntryPoint = "vips_version_string")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nint VersionString();

    [LibraryImport(Library, EntryPoint = "vips_error_buffer")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nint ErrorBuffer();

    [LibraryImport(Library, EntryPoint = "vips_error_clear")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void ClearErrors();

    [LibraryImport(Library, EntryPoint = "vips_source_new_from_memory")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial VipsObject SourceOf(NativeBytes bytes, nuint size);

    [LibraryImport(Library, EntryPoint = "vips_source_get_type")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nuint SourceType();

    [LibraryImport(Library, EntryPoint = "vips_image_get_type")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nuint ImageType();

    [LibraryImport(Library, EntryPoint = "vips_blob_get_type")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nuint BlobType();

    /// <returns>The name of the loader, which stays libvips'; zero for none.</returns>
    [LibraryImport(Library, EntryPoint = "vips_foreign_find_load_source")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nint FindLoader(VipsObject source);

    [LibraryImport(Library, EntryPoint = "vips_operation_new", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial VipsObject NewOperation(string name);

    [LibraryImport(Library, EntryPoint = "vips_object_set_argument_from_string", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial int SetArgument(VipsObject operation, string name, string value);

    [LibraryImport(Library, EntryPoint = "vips_object_build")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial int Build(VipsObject operation);

    [LibraryImport(Library, EntryPoint = "vips_object_unref_outputs")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void ReleaseOutputs(VipsObject operation);

    [LibraryImport(Library, EntryPoint = "vips_image_get_width")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial int WidthOf(VipsObject image);

    [LibraryImport(Library, EntryPoint = "vips_image_get_height")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial int HeightOf(VipsObject image);

    /// <returns>As in EXIF: 1 to 8, of which 5 and more lie on their side.</returns>
    [LibraryImport(Library, EntryPoint = "vips_image_get_orientation")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial int OrientationOf(VipsObject image);

    /// <returns>Zero where the image has no such field.</returns>
    [LibraryImport(Library, EntryPoint = "vips_image_get_typeof", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nuint FieldTypeOf(VipsObject image, string field);

    /// <returns>Names, ended by zero; to be freed by <see cref="FreeNames"/>.</returns>
    [LibraryImport(Library, EntryPoint = "vips_image_get_fields")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nint FieldsOf(VipsObject image);

    /// <returns>Zero where there was nothing to remove.</returns>
    [LibraryImport(Library, EntryPoint = "vips_image_remove")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial int RemoveField(VipsObject image, nint name);

    [LibraryImport(Library, EntryPoint = "vips_image_copy_memory")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial VipsObject CopyMemory(VipsObject image);

    [LibraryImport(Library, EntryPoint = "vips_blob_get")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nint BytesOf(VipsBlob blob, out nuint size);

    [LibraryImport(Library, EntryPoint = "vips_area_unref")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void UnrefArea(nint area);

    [LibraryImport(GObject, EntryPoint = "g_object_unref")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void Unref(nint item);

    [LibraryImport(GObject, EntryPoint = "g_object_set_property", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void SetProperty(VipsObject item, string name, in GValue value);

    [LibraryImport(GObject, EntryPoint = "g_object_get_property", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void GetProperty(VipsObject item, string name, ref GValue value);

    [LibraryImport(GObject, EntryPoint = "g_value_init")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial nint InitValue(ref GValue value, nuint type);

    [LibraryImport(GObject, EntryPoint = "g_value_set_object")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void SetObject(ref GValue value, VipsObject item);

    /// <returns>With a reference of its own.</returns>
    [LibraryImport(GObject, EntryPoint = "g_value_dup_object")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial VipsObject DupObject(in GValue value);

    /// <returns>With a reference of its own.</returns>
    [LibraryImport(GObject, EntryPoint = "g_value_dup_boxed")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial VipsBlob DupBlob(in GValue value);

    [LibraryImport(GObject, EntryPoint = "g_value_unset")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void UnsetValue(ref GValue value);

    [LibraryImport(Glib, EntryPoint = "g_strfreev")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static partial void FreeNames(nint names);
}

/// <summary>GObject's box for a value of any type (gobject/gvalue.h): its type, and two words that only GObject reads.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GValue
{
    internal nuint Type;
    internal ulong First;
    internal ulong Second;
}

/// <summary>A reference to an object of libvips: an image, a source or an operation.</summary>
internal sealed class VipsObject() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        Vips.Unref(handle);
        return true;
    }
}

/// <summary>A reference to bytes of libvips, such as an encoded picture.</summary>
internal sealed unsafe class VipsBlob() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    /// <summary>There until this is disposed.</summary>
    internal ReadOnlySpan<byte> Span => new((void*)Vips.BytesOf(this, out var size), checked((int)size));

    protected override bool ReleaseHandle()
    {
        Vips.UnrefArea(handle);
        return true;
    }
}
