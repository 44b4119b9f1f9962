using System.Reflection;

namespace Architecture.Tests;

/// <summary>The sources these tests were built from.</summary>
internal static class Sources
{
    internal static string Root { get; } =
        typeof(Sources).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == "Root").Value!;

    /// <summary>Every C# file under <c>src</c>, by its path from the root.</summary>
    internal static IEnumerable<(string Path, string Text)> All() =>
        from file in Directory.EnumerateFiles(System.IO.Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
        let path = System.IO.Path.GetRelativePath(Root, file).Replace('\\', '/')
        where !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal)
        select (path, File.ReadAllText(file));

    /// <summary>Every Razor component.</summary>
    internal static IEnumerable<(string Path, string Text)> Pages() =>
        from file in Directory.EnumerateFiles(System.IO.Path.Combine(Root, "src/Portal"), "*.razor", SearchOption.AllDirectories)
        select (System.IO.Path.GetRelativePath(Root, file), File.ReadAllText(file));

    /// <summary>Every script of the pages.</summary>
    internal static IEnumerable<(string Path, string Text)> Scripts() =>
        from file in Directory.EnumerateFiles(System.IO.Path.Combine(Root, "src/Portal/Client"), "*.ts")
        select (System.IO.Path.GetRelativePath(Root, file), File.ReadAllText(file));

    internal static string Read(string path) => File.ReadAllText(System.IO.Path.Combine(Root, path));
}
