using System.Runtime.InteropServices;

namespace Platform.Images;

/// <summary>One operation of libvips, such as <c>thumbnail_source</c>: its arguments, and what comes out. Without C's variable arguments.</summary>
internal sealed class VipsOperation : IDisposable
{
    private readonly VipsObject operation;

    private VipsOperation(string name) => operation = Checked(Vips.NewOperation(name));

    /// <exception cref="ImageRefusedException">The source cannot be worked on.</exception>
    internal static VipsObject ToImage(string name, string input, VipsObject value, params ReadOnlySpan<(string Name, string Value)> options)
    {
        using var operation = Run(name, input, value, options);
        GValue result = default;
        Vips.InitValue(ref result, Vips.ImageType());
        try
        {
            Vips.GetProperty(operation.operation, "out", ref result);
            return Vips.DupObject(result);
        }
        finally
        {
            Vips.UnsetValue(ref result);
        }
    }

    /// <exception cref="ImageRefusedException">The source cannot be worked on.</exception>
    internal static VipsBlob ToBytes(string name, VipsObject image, params ReadOnlySpan<(string Name, string Value)> options)
    {
        using var operation = Run(name, "in", image, options);
        GValue result = default;
        Vips.InitValue(ref result, Vips.BlobType());
        try
        {
            Vips.GetProperty(operation.operation, "buffer", ref result);
            return Vips.DupBlob(result);
        }
        finally
        {
            Vips.UnsetValue(ref result);
        }
    }

    /// <summary>A handle that libvips has just given.</summary>
    internal static VipsObject Checked(VipsObject given)
    {
        if (!given.IsInvalid)
        {
            return given;
        }

        given.Dispose();
        throw Failed();
    }

    /// <summary>What went wrong last, as libvips says it: its first line.</summary>
    internal static ImageRefusedException Failed()
    {
        var error = Marshal.PtrToStringUTF8(Vips.ErrorBuffer()) ?? "";
        Vips.ClearErrors();
        return new ImageRefusedException($"cannot be read: {error.Split('\n')[0].Trim()}");
    }

    public void Dispose()
    {
        Vips.ReleaseOutputs(operation);
        operation.Dispose();
    }

    private static VipsOperation Run(string name, string input, VipsObject value, ReadOnlySpan<(string Name, string Value)> options)
    {
        var run = new VipsOperation(name);
        try
        {
            run.Set(input, value);
            foreach (var option in options)
            {
                Check(Vips.SetArgument(run.operation, option.Name, option.Value));
            }

            Check(Vips.Build(run.operation));
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw Failed();
        }
    }

    private void Set(string name, VipsObject value)
    {
        GValue boxed = default;
        Vips.InitValue(ref boxed, name == "source" ? Vips.SourceType() : Vips.ImageType());
        try
        {
            Vips.SetObject(ref boxed, value);
            Vips.SetProperty(operation, name, boxed);
        }
        finally
        {
            Vips.UnsetValue(ref boxed);
        }
    }
}
