namespace Assets.Client;

/// <summary>
/// Which files of a folder belong to the site: where there are includes, those that match one; and none that matches an exclude. Names that begin
/// with a dot (<c>.git</c>, <c>.env</c>) do not belong, unless an include names them; <c>.well-known</c> does.
/// </summary>
internal sealed class GlobFilter(IEnumerable<string> includes, IEnumerable<string> excludes)
{
    private readonly Glob[] included = [.. includes.Select(pattern => new Glob(pattern))];
    private readonly Glob[] excluded = [.. excludes.Select(pattern => new Glob(pattern))];

    public bool Takes(string path) => !Array.Exists(excluded, glob => glob.Matches(path))
        && (included.Length == 0 ? !IsHidden(path) : Array.Exists(included, glob => glob.Matches(path)));

    private static bool IsHidden(string path) =>
        path.Split('/').Any(segment => segment.StartsWith('.') && segment is not ".well-known");
}
