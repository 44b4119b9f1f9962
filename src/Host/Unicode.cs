using System.Text;
using Platform;

namespace Host;

/// <summary>
/// Names of files are compared and stored in Unicode's normal form C. Without ICU .NET runs in its invariant mode, where normalising does
/// nothing and says nothing: a guest's <c>é</c> would then be two different names.
/// </summary>
internal static class Unicode
{
    /// <exception cref="StartupException">This process cannot normalise.</exception>
    internal static void Demand()
    {
        if ("e\u0301".Normalize(NormalizationForm.FormC).Length != 1)
        {
            throw new StartupException(
                "Unicode support is missing: install ICU (Debian: libicu72) and leave DOTNET_SYSTEM_GLOBALIZATION_INVARIANT unset.");
        }
    }
}
